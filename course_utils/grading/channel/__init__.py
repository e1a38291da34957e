"""What a judge and a player say to each other: data only, in frames with limits."""
