#!/bin/sh
# Publishes the layer for x86_64 with the plain AWS command line, and prints its ARN.
set -eu
cd "$(dirname "$0")/../../.."

# paste
aws lambda publish-layer-version --layer-name faultlayer-x86_64 \
  --zip-file fileb://dist/faultlayer-x86_64.zip --compatible-architectures x86_64 \
  --output text --query LayerVersionArn
# end
