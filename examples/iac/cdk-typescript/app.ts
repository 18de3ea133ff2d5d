// A function with faultlayer's layer, idle until it is told otherwise; see docs/start.md

import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

// paste
function addFaultlayer(fn: lambda.Function, layerArn: string, disabled = true): void {
  fn.addLayers(lambda.LayerVersion.fromLayerVersionArn(fn, 'Faultlayer', layerArn));
  fn.addEnvironment('AWS_LAMBDA_EXEC_WRAPPER', '/opt/faultlayer-wrapper');
  fn.addEnvironment('FAULTLAYER_LATENCY', '300ms');
  fn.addEnvironment('FAULTLAYER_DISABLED', String(disabled));
}

// end
class MyStack extends cdk.Stack {
  constructor(scope: cdk.App, id: string) {
    super(scope, id);
    const fn = new lambda.Function(this, 'MyFunction', {
      code: lambda.Code.fromAsset('../../hello'),
      handler: 'app.handler',
      runtime: lambda.Runtime.PYTHON_3_12,
      architecture: lambda.Architecture.X86_64,
    });
    // paste
    // in your stack, once the function is made:
    const layerArn = this.node.tryGetContext('faultlayerArn');
    if (layerArn) {
      addFaultlayer(fn, layerArn, this.node.tryGetContext('faultlayerDisabled') !== 'false');
    }
    // end
  }
}

new MyStack(new cdk.App(), 'MyStack');
