"""What stands at every HTTP door: admission, limits, stopping, health, counts. Knows nothing of licences or chains."""
