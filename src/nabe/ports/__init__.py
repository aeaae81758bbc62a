"""What Nabe needs of the outside, as small protocols. Implementations live in `adapters/` and `stores/`."""
