"""What the scenarios share: the box, its clients, and what they draw and play."""
