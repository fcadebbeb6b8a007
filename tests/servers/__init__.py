"""Real servers for tests, each on free loopback ports, each gone when its test or the whole session ends."""
