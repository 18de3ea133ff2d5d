"""Before Lambda starts the runtime: the listener, the wrapper's file, the registration.

    listener.listen ─▶ wrapper_file.publish ─▶ extension_api.Extension ─▶ Lambda starts the wrapper,
                                                  which reads the file and starts the runtime

The order makes readiness free: the runtime cannot connect before the listener is bound. Each import
here delays every cold start, so this room imports built-in modules only, and the log. `relay` is
the loop of the main thread, and its last resort: it needs nothing that is loaded later.
"""
