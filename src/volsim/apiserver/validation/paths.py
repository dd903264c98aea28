"""Validation of paths below a volume, and of file modes.

Source: kube-apiserver, pkg/apis/core/validation/validation.go (validatePathNoBacksteps, validateLocalDescendingPath,
ValidateLocalNonReservedPath).
"""

from __future__ import annotations

from volsim.apiserver.validation.fields import Errors

__all__ = ["check_file", "check_mode", "check_no_backsteps", "check_relative_path"]

_MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive"


def check_no_backsteps(errors: Errors, path: str, field: str) -> None:
    """A path that never goes up.

    >>> from volsim.rules import Rules
    >>> errors = Errors(Rules())
    >>> check_no_backsteps(errors, "/var/../etc", "spec.volumes[0].hostPath.path")
    >>> print(errors[0])
    spec.volumes[0].hostPath.path: Invalid value: "/var/../etc": must not contain '..'
    """
    if ".." in path and ".." in path.split("/"):
        errors.invalid(field, path, "must not contain '..'")


def check_relative_path(errors: Errors, path: str, field: str) -> None:
    """A path below a volume's root."""
    if path.startswith("/"):
        errors.invalid(field, path, "must be a relative path")
    check_no_backsteps(errors, path, field)


def check_file(errors: Errors, path: str, field: str) -> None:
    """A file below a volume's root; names that begin with ``..`` are the kubelet's own."""
    check_relative_path(errors, path, field)
    if path.startswith("..") and not path.startswith("../"):
        errors.invalid(field, path, "must not start with '..'")


def check_mode(errors: Errors, mode: int | None, field: str) -> None:
    """The permission bits of a file; None leaves them to the volume."""
    if mode is not None and not 0 <= mode <= 0o777:
        errors.invalid(field, mode, _MODE_TEXT)
