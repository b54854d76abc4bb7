package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"
)

// The whole program, cold: a process is started, reads a repository of a
// hundred or of four thousand files, checks it, and ends. Beside it stands how
// long the parser alone takes for the same files, on one core.
func BenchmarkCheck100Files(b *testing.B)  { benchmarkCheck(b, 16, 6) }
func BenchmarkCheck4000Files(b *testing.B) { benchmarkCheck(b, 200, 20) }

func benchmarkCheck(b *testing.B, roots, files int) {
	dir := b.TempDir()
	paths := repository(b, dir, roots, files)
	var peak int64
	for b.Loop() {
		// The test binary is postern when it is called so, see TestMain.
		c := exec.Cmd{Path: os.Args[0], Args: []string{"postern", "check", "--fail-on=never", "--format=json", "--output=out.json"}, Dir: dir}
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, u.Maxrss<<10)
		}
	}
	took := b.Elapsed() / time.Duration(b.N)
	start := time.Now()
	for _, p := range paths {
		if _, ds := hclparse.NewParser().ParseHCLFile(p); ds.HasErrors() {
			b.Fatal(ds)
		}
	}
	b.ReportMetric(float64(time.Since(start))/float64(took), "hclparse/this")
	b.ReportMetric(float64(peak), "peak-B")

	text, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err != nil {
		b.Fatal(err)
	}
	if n := strings.Count(string(text), `"rule": "internet-ssh"`); n != roots {
		b.Fatalf("%d findings of internet-ssh in %d roots", n, roots)
	}
}

// repository writes a repository as large teams have them: two modules that
// every root calls, settings in JSON that every root reads, and roots of many
// files that mostly hold other things than networks. It returns the
// configuration files.
func repository(b *testing.B, dir string, roots, files int) []string {
	var paths []string
	write := func(name, text string) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
		if strings.HasSuffix(name, ".tf") {
			paths = append(paths, p)
		}
	}
	write(".git/HEAD", "ref: refs/heads/main\n")
	write("modules/network/main.tf", networkModule)
	write("modules/service/main.tf", serviceModule)
	var settings strings.Builder
	for i := range roots {
		fmt.Fprintf(&settings, ",\n  \"team%d\": {\"cidr\": \"10.%d.0.0/16\", \"office\": [\"192.0.2.0/24\", \"198.51.100.%d/32\"]}", i, i%256, i%256)
	}
	write("settings.json", "{"+settings.String()[1:]+"\n}\n")
	for i := range roots {
		at := fmt.Sprintf("live/team%d/", i)
		write(at+"main.tf", fmt.Sprintf(rootFile, i))
		write(at+"ssh.tf", sshFile)
		for j := range files - 2 {
			write(fmt.Sprintf("%sjob%d.tf", at, j), strings.ReplaceAll(otherFile, "NAME", fmt.Sprintf("job%d", j)))
		}
	}
	return paths
}

const networkModule = `
variable "cidr" { type = string }
variable "office" { type = list(string) }

resource "aws_vpc" "this" { cidr_block = var.cidr }

resource "aws_internet_gateway" "this" { vpc_id = aws_vpc.this.id }

resource "aws_subnet" "public" {
  count      = 3
  vpc_id     = aws_vpc.this.id
  cidr_block = cidrsubnet(var.cidr, 8, count.index)
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

resource "aws_route_table_association" "public" {
  count          = length(aws_subnet.public)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_network_acl" "public" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = aws_subnet.public[*].id

  dynamic "ingress" {
    for_each = var.office
    content {
      rule_no    = 100 + ingress.key
      action     = "deny"
      protocol   = "udp"
      cidr_block = ingress.value
      from_port  = 0
      to_port    = 65535
    }
  }
  ingress {
    rule_no    = 900
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 900
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

output "vpc_id" { value = aws_vpc.this.id }
output "subnet_ids" { value = aws_subnet.public[*].id }
`

const serviceModule = `
variable "name" { type = string }
variable "network" {
  type = object({ vpc_id = string, subnet_ids = list(string) })
}
variable "rules" {
  type = map(object({ port = number, cidrs = list(string), protocol = optional(string, "tcp") }))
}

resource "aws_security_group" "this" {
  name   = var.name
  vpc_id = var.network.vpc_id
}

resource "aws_security_group_rule" "this" {
  for_each          = var.rules
  type              = "ingress"
  security_group_id = aws_security_group.this.id
  from_port         = each.value.port
  to_port           = each.value.port
  protocol          = each.value.protocol
  cidr_blocks       = each.value.cidrs
}

resource "aws_instance" "this" {
  count                       = length(var.network.subnet_ids)
  ami                         = "ami-12345678"
  instance_type               = "t3.micro"
  subnet_id                   = var.network.subnet_ids[count.index]
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.this.id]
}

output "security_group_id" { value = aws_security_group.this.id }
`

const rootFile = `
provider "aws" { region = "eu-west-1" }

locals {
  settings = jsondecode(file("${path.module}/../../settings.json"))["team%d"]
  services = {
    web   = { http = { port = 80, cidrs = local.settings.office }, https = { port = 443, cidrs = local.settings.office } }
    queue = { amqp = { port = 5671, cidrs = [local.settings.cidr] } }
  }
}

module "network" {
  source = "../../modules/network"
  cidr   = local.settings.cidr
  office = local.settings.office
}

module "service" {
  source   = "../../modules/service"
  for_each = local.services
  name     = each.key
  rules    = each.value
  network  = { vpc_id = module.network.vpc_id, subnet_ids = module.network.subnet_ids }
}
`

const sshFile = `
resource "aws_security_group" "bastion" {
  name   = "bastion"
  vpc_id = module.network.vpc_id

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "bastion" {
  ami                         = "ami-12345678"
  instance_type               = "t3.micro"
  subnet_id                   = module.network.subnet_ids[0]
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.bastion.id]
}
`

// otherFile is about three kilobytes, as such files are.
const otherFile = `
variable "NAME_tags" {
  type    = map(string)
  default = { owner = "team", job = "NAME" }
}

locals {
  NAME_buckets = { for kind in ["in", "out", "done"] : kind => "NAME-${kind}-${local.settings.cidr}" }
}

resource "aws_s3_bucket" "NAME" {
  for_each = local.NAME_buckets
  bucket   = replace(each.value, "/[^a-z0-9-]/", "-")
  tags     = merge(var.NAME_tags, { kind = each.key })
}

resource "aws_iam_role" "NAME" {
  name               = "NAME"
  assume_role_policy = data.aws_iam_policy_document.NAME.json
}

data "aws_iam_policy_document" "NAME" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "NAME_errors" {
  alarm_name          = "NAME-${aws_iam_role.NAME.name}"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  threshold           = 80
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  dimensions          = { FunctionName = "NAME" }
  tags                = var.NAME_tags
}

resource "aws_cloudwatch_metric_alarm" "NAME_throttles" {
  alarm_name          = "NAME-${aws_iam_role.NAME.name}"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  threshold           = 80
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  dimensions          = { FunctionName = "NAME" }
  tags                = var.NAME_tags
}

resource "aws_cloudwatch_metric_alarm" "NAME_duration" {
  alarm_name          = "NAME-${aws_iam_role.NAME.name}"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  threshold           = 80
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  dimensions          = { FunctionName = "NAME" }
  tags                = var.NAME_tags
}

resource "aws_cloudwatch_metric_alarm" "NAME_depth" {
  alarm_name          = "NAME-${aws_iam_role.NAME.name}"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  threshold           = 80
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  dimensions          = { FunctionName = "NAME" }
  tags                = var.NAME_tags
}
`
