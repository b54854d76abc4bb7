variable "region" {
  description = "Where the shop runs"
  type        = string
  default     = "eu-central-1"
}

variable "zones" {
  description = "Availability zones, one subnet of each tier in each"
  type        = list(string)
  default     = ["eu-central-1a", "eu-central-1b"]
}

variable "vpc_cidr" {
  description = "Addresses of the VPC"
  type        = string
  default     = "10.20.0.0/16"
}

# No default on purpose: everybody who deploys this has another office.
variable "office_cidr" {
  description = "Where the operators sit"
  type        = string
}
