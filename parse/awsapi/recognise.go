package awsapi

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// interfaceTypes are the values of InterfaceType that say what stands behind.
// [botocore ec2 NetworkInterfaceType]
var interfaceTypes = []struct {
	typ       string
	kind      ir.InterfaceKind
	noInbound bool
}{
	{"nat_gateway", ir.InterfaceNATGateway, true},
	{"natgateway", ir.InterfaceNATGateway, true},
	{"network_load_balancer", ir.InterfaceNetworkLoadBalancer, false},
	{"load_balancer", ir.InterfaceLoadBalancer, false},
	{"gateway_load_balancer", ir.InterfaceOther, false},
	{"gateway_load_balancer_endpoint", ir.InterfaceEndpoint, false},
	{"vpc_endpoint", ir.InterfaceEndpoint, false},
	{"transit_gateway", ir.InterfaceTransitGateway, false},
	{"lambda", ir.InterfaceFunction, true},
	{"ec2_instance_connect_endpoint", ir.InterfaceConnectEndpoint, true},
}

// descriptions are the words that services put into Description.
var descriptions = []struct {
	prefix    string
	kind      ir.InterfaceKind
	noInbound bool
}{
	{"ELB net/", ir.InterfaceNetworkLoadBalancer, false},
	{"ELB gwy/", ir.InterfaceOther, false},
	{"ELB ", ir.InterfaceLoadBalancer, false},
	{"RDSNetworkInterface", ir.InterfaceDatabase, false},
	{"RDSProxy", ir.InterfaceDatabase, false},
	{"Network interface for DBProxy", ir.InterfaceDatabase, false},
	{"RedshiftNetworkInterface", ir.InterfaceDatabase, false},
	{"ElastiCache ", ir.InterfaceCache, false},
	{"DAX ", ir.InterfaceCache, false},
	{"AWS Lambda VPC ENI", ir.InterfaceFunction, true},
	{"Interface for NAT Gateway ", ir.InterfaceNATGateway, true},
	{"VPC Endpoint Interface ", ir.InterfaceEndpoint, false},
	{"Network Interface for Transit Gateway Attachment ", ir.InterfaceTransitGateway, false},
	{"arn:aws:ecs:", ir.InterfaceContainer, false},
	{"arn:aws-cn:ecs:", ir.InterfaceContainer, false},
	{"arn:aws-us-gov:ecs:", ir.InterfaceContainer, false},
	{"EFS mount target for ", ir.InterfaceOther, false},
}

// recognise finds out what stands behind an interface.
func (b *builder) recognise(i *ir.Interface, o *object) {
	description, typ := o.get("Description").str(), o.get("InterfaceType").peek()
	i.Kind = ir.InterfaceOther
	matched := false
	for _, t := range interfaceTypes {
		if strings.EqualFold(t.typ, typ) {
			i.Kind, i.NoInbound, matched = t.kind, t.noInbound, true
			break
		}
	}
	if i.Kind == ir.InterfaceConnectEndpoint {
		i.PreserveClient = ir.NotKnown[bool](notSaid(o, "whether it shows the addresses of clients"))
	}
	byService := o.get("RequesterManaged").yes() || strings.HasPrefix(o.get("RequesterId").peek(), "amazon-") || o.get("Attachment").get("InstanceOwnerId").peek() == "amazon-aws"
	for _, d := range descriptions {
		rest, ok := strings.CutPrefix(description, d.prefix)
		if !ok || !byService && !matched {
			continue
		}
		if !matched {
			i.Kind, i.NoInbound, matched = d.kind, d.noInbound, true
		}
		if name, _, _ := strings.Cut(rest, " "); d.prefix[len(d.prefix)-1] == ' ' && name != "" {
			i.Resource = strings.Clone(name)
			i.Aliases = appendNew(i.Aliases, i.Resource)
		} else if strings.HasPrefix(d.prefix, "ELB") {
			i.Resource = strings.TrimPrefix(description, "ELB ")
			i.Aliases = appendNew(i.Aliases, i.Resource)
		}
		break
	}
	if ref := o.get("Attachment").get("InstanceId"); ref.str() != "" && !matched {
		i.Kind, i.Resource = ir.InterfaceInstance, ref.str()
		i.Aliases = appendNew(i.Aliases, ref.str())
	}
	if strings.HasPrefix(description, "EFS mount target for ") || strings.EqualFold(typ, "efs") {
		i.Services = fixedService(packet.TCP, 2049, i.Origin.Place("an EFS mount target"))
	}
	if nat := b.natOfInterface(o.id); nat != "" {
		i.Kind, i.NoInbound, i.Resource = ir.InterfaceNATGateway, true, nat
		i.Aliases = appendNew(i.Aliases, nat)
	}
}

// natOfInterface finds the NAT gateway that names an interface.
func (b *builder) natOfInterface(id string) string {
	if b.natByInterface == nil {
		b.natByInterface = map[string]string{}
		for _, n := range b.objects[recordNATGateway] {
			for a := range n.get("NatGatewayAddresses").items() {
				if id := a.get("NetworkInterfaceId").str(); id != "" && !ended(n.get("State").peek()) {
					b.natByInterface[id] = n.id
				}
			}
		}
	}
	return b.natByInterface[id]
}

func fixedService(protocol uint8, port uint16, place diag.Place) *ir.Services {
	return &ir.Services{Ports: []ir.Service{{Protocol: protocol, Ports: ir.Ports{Lo: port, Hi: port}, Place: place}}, Place: place}
}
