"""Pages that are generated from the code, so that they cannot say anything else.

    fault registry --tables--> README and pages      --schema--> docs/plan.schema.json
    aws/permissions --tables--> docs/iam.md

`python -m faultlayer_cli.reference --check PAGE` fails if a page and the code differ.
"""
