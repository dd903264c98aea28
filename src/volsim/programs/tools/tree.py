"""Tools that look at directories and change them: `find`, `ls`, `mkdir`, `rm`, `rmdir`, `touch`."""
