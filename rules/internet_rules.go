package rules

import "github.com/postern-dev/postern/diag"

// The exposures. What each looks for is in categories.
var (
	internetAllTraffic = &Rule{
		ID: "internet-all-traffic", Title: "Everything is open to the internet", Severity: diag.Critical, Exposure: true, Run: exposures,
		Doc: Doc{
			What:       "Every port of TCP or UDP, or every protocol, is open to the internet on an interface that the internet can reach.",
			Why:        "Whatever listens there, now or after the next update, is public.",
			Fix:        "List the ports that are served and the addresses that need them.",
			Bad:        publicInstance(rule{"-1", "0", "0", "0.0.0.0/0"}),
			Good:       publicInstance(rule{"tcp", "443", "443", "0.0.0.0/0"}),
			References: []string{"CIS AWS Foundations v5 5.3", "Security Hub EC2.18", "Security Hub EC2.19", "PCI DSS v4.0 1.3.1"},
		},
	}
	internetDatabase = &Rule{
		ID: "internet-database", Title: "A database port is open to the internet", Severity: diag.Critical, Exposure: true, Run: exposures,
		Doc: Doc{
			What:       "The port of a database, cache or search engine is open to the internet on an interface that the internet can reach.",
			Why:        "Databases are searched for and attacked within minutes; many accept weak passwords, or none.",
			Fix:        "Name the security group of the application that uses the database.",
			Bad:        publicInstance(rule{"tcp", "5432", "5432", "0.0.0.0/0"}),
			Good:       publicInstance(rule{"tcp", "5432", "5432", "10.0.0.0/16"}),
			References: []string{"Security Hub EC2.19", "PCI DSS v4.0 1.3.1", "PCI DSS v4.0 1.4.2"},
		},
	}
	internetSSH = &Rule{
		ID: "internet-ssh", Title: "ssh is open to the internet", Severity: diag.High, Exposure: true, Run: exposures,
		Doc: Doc{
			What:       "TCP port 22 is open to the internet on an interface that the internet can reach.",
			Why:        "Passwords are guessed there all day, and a flaw in the server opens the machine.",
			Fix:        "Put your own addresses in place of the internet, or close the port and use Session Manager.",
			Bad:        publicInstance(rule{"tcp", "22", "22", "0.0.0.0/0"}),
			Good:       publicInstance(rule{"tcp", "22", "22", "198.51.100.0/28"}),
			References: []string{"CIS AWS Foundations v5 5.3", "CIS AWS Foundations v5 5.4", "Security Hub EC2.13", "Security Hub EC2.53", "Security Hub EC2.54", "PCI DSS v4.0 1.3.1"},
		},
	}
	internetRDP = &Rule{
		ID: "internet-rdp", Title: "Remote desktop is open to the internet", Severity: diag.High, Exposure: true, Run: exposures,
		Doc: Doc{
			What:       "Port 3389, TCP or UDP, is open to the internet on an interface that the internet can reach.",
			Why:        "Remote desktops are among the first ways in for ransomware.",
			Fix:        "Put your own addresses in place of the internet, or close the port and use Fleet Manager.",
			Bad:        publicInstance(rule{"tcp", "3389", "3389", "0.0.0.0/0"}),
			Good:       publicInstance(rule{"tcp", "3389", "3389", "198.51.100.0/28"}),
			References: []string{"CIS AWS Foundations v5 5.3", "CIS AWS Foundations v5 5.4", "Security Hub EC2.14", "Security Hub EC2.53", "Security Hub EC2.54", "PCI DSS v4.0 1.3.1"},
		},
	}
	internetAdmin = &Rule{
		ID: "internet-admin", Title: "An administration port is open to the internet", Severity: diag.High, Exposure: true, Run: exposures,
		Doc: Doc{
			What:       "A port for administration (Telnet, Windows RPC, SMB, Docker, VNC, WinRM, Kubernetes, kubelet) is open to the internet on an interface that the internet can reach.",
			Why:        "Who gets in there has the machine, or the cluster.",
			Fix:        "Put the addresses of those who administer it in place of the internet.",
			Bad:        publicInstance(rule{"tcp", "2375", "2375", "0.0.0.0/0"}),
			Good:       publicInstance(rule{"tcp", "2375", "2375", "10.0.0.0/16"}),
			References: []string{"CIS AWS Foundations v5 5.1.2", "Security Hub EC2.19", "PCI DSS v4.0 1.3.1"},
		},
	}
	latentExposure = &Rule{
		ID: "latent-exposure", Title: "Open to the internet, though nothing gets there", Severity: diag.Low, Run: latentExposures,
		Doc: Doc{
			What: "A security group rule that would be an exposure, on interfaces that provably no packet from the internet reaches, or on a group that nothing carries.",
			Why:  "One change elsewhere, a public address or a route, turns it into the exposure that it names.",
			Fix:  "Name the group or the addresses that need it instead of the internet.",
			Bad: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "cache" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
`,
			Good: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "cache" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
}
`,
		},
	}
)
