"""kubectl's commands, one module for those that belong together; `volsim.views.kubectl` lists them all."""
