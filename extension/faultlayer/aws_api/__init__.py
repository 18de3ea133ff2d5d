"""AWS's APIs as requests and answers: which operation a request is, and how an error looks.

    request ──▶ operations ──▶ service, operation, the protocol that the client speaks
    error code ──▶ errors ──▶ status, headers and body, as the service itself would send them
                     ▲
    services/<name>.json ── models ── made from botocore's models, read only if a rule names it

This room opens no connection, and knows nothing of rates and matches.
"""
