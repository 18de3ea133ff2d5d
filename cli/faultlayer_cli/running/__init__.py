r"""A function on this machine: under AWS's emulator in Linux namespaces, or in a Docker container.

    folder --detection--> runtime and handler    clients, node_client, java_client: how it starts
    Launch --launch--> Emulator   emulator, namespaces, downloads   Linux, no Docker, no root
                   \-> Container  container, docker_engine, port_relay   anywhere with Docker
    both are an Endpoint: start, invoke (http_client), log (marked_log), close
    one invocation --outcome--> what its caller gets, and why it failed
    Service --> several endpoints behind one port: environments, invoke_api, function_url

Leaving the `with` block of an endpoint leaves no process, no container and no file behind.
Nothing here needs an AWS account.
"""
