"""Pure statistics: arrays in, frozen dataclasses out."""
