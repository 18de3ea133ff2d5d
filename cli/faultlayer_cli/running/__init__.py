"""A function on this machine: under the emulator in namespaces, or in a Docker container."""
