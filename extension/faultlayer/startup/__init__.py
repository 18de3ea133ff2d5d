"""Before Lambda starts the runtime: the listener, the wrapper's file, the registration.

    listener.listen ─▶ wrapper_file.publish ─▶ extension_api.Extension ─▶ Lambda starts the wrapper,
                                                  which reads the file and starts the runtime

The order makes readiness free: the runtime cannot connect before the listener is bound. Each import
here delays every cold start, so this room imports `posix`, `_socket` and `errno` only.
"""
