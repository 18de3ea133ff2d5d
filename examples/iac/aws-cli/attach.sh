#!/bin/sh
# Puts faultlayer's layer on my-function with the plain AWS command line; see docs/start.md.
# LAYER_ARN: what publish.sh printed. Leaves before.json and after.json here.
set -eu

# paste
# what the function has, with the layer and the variables
aws lambda get-function-configuration --function-name my-function --output json --query "{
  FunctionName: FunctionName,
  RevisionId: RevisionId,
  Layers: [Layers[].Arn || \`[]\`, ['$LAYER_ARN']][],
  Environment: Environment.Error || {Variables: merge(Environment.Variables || \`{}\`, {
    AWS_LAMBDA_EXEC_WRAPPER: '/opt/faultlayer-wrapper',
    FAULTLAYER_LATENCY: '300ms',
    FAULTLAYER_LATENCY_RATE: '20%'
  })}
}" >after.json

# what it has now, to be given back
aws lambda get-function-configuration --function-name my-function --output json --query "{
  FunctionName: FunctionName,
  Layers: Layers[].Arn || \`[]\`,
  Environment: Environment.Error || {Variables: Environment.Variables || \`{}\`}
}" >before.json

aws lambda update-function-configuration --cli-input-json file://after.json \
  --output text --query LastUpdateStatus
aws lambda wait function-updated --function-name my-function
# end
