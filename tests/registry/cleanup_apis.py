"""cleanup at Docker Hub and GHCR, whose tags go by APIs of their own."""
TESTS = []
