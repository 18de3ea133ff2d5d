"""AWS's APIs: recognise the operation of a request, and make errors.

    request ──▶ operations ──▶ service, operation, the protocol that the client speaks
    error code ──▶ errors ──▶ status, headers and body, as the service itself would send them
                     ▲
    services/<name>.json ── models ── made from botocore's models, read only if a rule names it

This room opens no connection, and knows nothing of rates and matches.
"""
