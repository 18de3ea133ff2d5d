r"""A function on this machine: under AWS's emulator in Linux namespaces, or in a Docker container.

    Launch --launch--> Emulator   emulator, namespaces, downloads   Linux, no Docker, no root
                   \-> Container  container, docker_engine, port_relay   anywhere with Docker
    both are an Endpoint: start, invoke (http_client), log, close

Leaving the `with` block of an endpoint leaves no process, no container and no file behind.
Nothing here needs an AWS account.
"""
