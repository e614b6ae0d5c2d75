"""What the tests of the container image share: a Docker of their own, and running containers."""
