"""What the shop takes, in the order of the model's outputs."""

CLASSES = (
    "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "sneaker", "bag", "ankle boot",
)  # fmt: skip
