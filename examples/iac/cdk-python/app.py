"""A function with faultlayer's layer, idle until it is told otherwise; see docs/start.md."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_


# paste
def add_faultlayer(function: lambda_.Function, layer_arn: str, *, disabled: bool = True) -> None:
    layer = lambda_.LayerVersion.from_layer_version_arn(function, "Faultlayer", layer_arn)
    function.add_layers(layer)
    function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/faultlayer-wrapper")
    function.add_environment("FAULTLAYER_LATENCY", "300ms")
    function.add_environment("FAULTLAYER_DISABLED", "true" if disabled else "false")


# end
class MyStack(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name)
        function = lambda_.Function(
            self,
            "MyFunction",
            code=lambda_.Code.from_asset("../../hello"),
            handler="app.handler",
            runtime=lambda_.Runtime.PYTHON_3_12,
            architecture=lambda_.Architecture.X86_64,
        )
        # paste
        # in your stack, once the function is made:
        if layer_arn := self.node.try_get_context("faultlayerArn"):
            disabled = self.node.try_get_context("faultlayerDisabled") != "false"
            add_faultlayer(function, layer_arn, disabled=disabled)
        # end


app = cdk.App()
MyStack(app, "MyStack")
app.synth()
