#!/bin/sh
# Gives my-function back what attach.sh found, from its before.json.
set -eu

# paste
aws lambda update-function-configuration --cli-input-json file://before.json \
  --output text --query LastUpdateStatus
aws lambda wait function-updated --function-name my-function
# end
