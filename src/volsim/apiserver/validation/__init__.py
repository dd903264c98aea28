"""What the API server refuses (draft)."""

from __future__ import annotations

from typing import Any

from volsim.apiserver.validation.fields import Errors
from volsim.apiserver.validation.metadata import check_metadata, check_metadata_update
from volsim.errors import FieldError
from volsim.rules import Rules

__all__ = ["validate_create", "validate_status_update", "validate_update"]


def validate_create(obj: Any, rules: Rules) -> list[FieldError]:
    errors = Errors(rules)
    check_metadata(errors, obj)
    return errors


def validate_update(new: Any, old: Any, rules: Rules) -> list[FieldError]:
    errors = Errors(rules)
    check_metadata_update(errors, new.metadata, old.metadata)
    return errors


def validate_status_update(new: Any, old: Any, rules: Rules) -> list[FieldError]:
    return []
