"""The only door to AWS: the account, the functions that are meant, the permissions that are needed.

    commands, fleet, layers, plans, logs --> account --> boto3 --> AWS
                 "orders-*", --tag, --stack --> selection --> names of functions

    account      calls, pages, retries; every error of AWS becomes one line
    selection    names, patterns, tags and stacks of the user become names of functions
    arn          layers that are faultlayer's, by their ARN
    permissions  the IAM actions of each command; docs/iam.md is written from it

Nothing else imports boto3. Nothing here decides what to change.
"""
