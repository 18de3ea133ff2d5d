# A function with faultlayer's layer, idle until it is told otherwise; see docs/start.md

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "role_arn" {
  description = "The function's execution role"
  type        = string
}

# paste
variable "faultlayer_arn" {
  description = "The layer version, as `faultlayer publish` prints it"
  type        = string
}

variable "faultlayer_disabled" {
  description = "Whether the function runs untouched"
  type        = bool
  default     = true
}

resource "aws_lambda_function" "my_function" {
  # what your function has, and:
  # end
  function_name    = "my-function"
  filename         = "function.zip"
  source_code_hash = filebase64sha256("function.zip")
  handler          = "app.handler"
  runtime          = "python3.12"
  architectures    = ["x86_64"]
  role             = var.role_arn

  # paste
  layers = [var.faultlayer_arn]
  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/faultlayer-wrapper"
      FAULTLAYER_LATENCY      = "300ms"
      FAULTLAYER_DISABLED     = tostring(var.faultlayer_disabled)
    }
  }
}
# end
