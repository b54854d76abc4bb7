package plan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/ir"
)

// planned is a resource of a plan: what is known after it, what is not, and
// what its expressions refer to.
type planned struct {
	typ            string
	after, unknown map[string]any
	expressions    map[string]any
}

type object = map[string]any

func refs(names ...string) object { return object{"references": names} }

// planOf writes a plan that creates one resource of each type, named x.
func planOf(t *testing.T, resources ...planned) []byte {
	t.Helper()
	var changes, configured []any
	for _, r := range resources {
		changes = append(changes, object{
			"address": r.typ + ".x", "mode": "managed", "type": r.typ, "name": "x", "provider_name": "aws",
			"change": object{"actions": []string{"create"}, "before": nil, "after": r.after, "after_unknown": r.unknown},
		})
		configuration := object{"address": r.typ + ".x", "mode": "managed", "type": r.typ, "name": "x", "provider_config_key": "aws"}
		if r.expressions != nil {
			configuration["expressions"] = r.expressions
		}
		configured = append(configured, configuration)
	}
	data, err := json.Marshal(object{
		"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": object{"root_module": object{}}, "resource_changes": changes,
		"configuration": object{"root_module": object{"resources": configured}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A plan knows no ARN before the apply: what its expressions refer to leads
// from listeners to targets.
func TestForwardsOfAPlan(t *testing.T) {
	group := object{"port": 8080, "protocol": "HTTP", "target_type": "instance"}
	n := network(t, planOf(
		t,
		planned{"aws_instance", object{"ami": "ami-1", "subnet_id": "subnet-1"}, object{"id": true, "private_ip": true}, object{"subnet_id": object{"constant_value": "subnet-1"}}},
		planned{"aws_lb", object{"internal": true, "load_balancer_type": "application", "subnets": []string{"subnet-1"}}, object{"id": true, "arn": true}, nil},
		planned{"aws_lb_target_group", group, object{"id": true, "arn": true, "preserve_client_ip": true}, nil},
		planned{"aws_alb_target_group", group, object{"id": true, "arn": true}, nil},
		planned{
			"aws_lb_target_group_attachment",
			object{"port": nil},
			object{"id": true, "target_group_arn": true, "target_id": true},
			object{"target_group_arn": refs("aws_lb_target_group.x.arn", "aws_lb_target_group.x"), "target_id": refs("aws_instance.x.id", "aws_instance.x")},
		},
		planned{
			"aws_autoscaling_group",
			object{"vpc_zone_identifier": []string{"subnet-1"}},
			object{"id": true, "name": true, "target_group_arns": true, "load_balancers": true},
			object{"target_group_arns": refs("aws_lb_target_group.x.arn", "aws_lb_target_group.x", "aws_alb_target_group.x.arn", "aws_alb_target_group.x"), "load_balancers": refs("aws_elb.x.name", "aws_elb.x")},
		},
		planned{
			"aws_lb_listener",
			object{"port": 443, "protocol": "HTTPS", "default_action": []any{object{"type": "forward", "forward": []any{}}}},
			object{"id": true, "arn": true, "load_balancer_arn": true, "default_action": []any{object{"target_group_arn": true}}},
			object{"load_balancer_arn": refs("aws_lb.x.arn", "aws_lb.x"), "default_action": []any{object{"target_group_arn": refs("aws_lb_target_group.x.arn", "aws_lb_target_group.x"), "type": object{"constant_value": "forward"}}}},
		},
		planned{
			"aws_lb_listener_rule",
			object{"action": []any{object{"type": "forward", "target_group_arn": nil, "forward": []any{object{"target_group": []any{object{"weight": 1}}}}}}},
			object{"id": true, "arn": true, "listener_arn": true, "action": []any{object{"forward": []any{object{"target_group": []any{object{"arn": true}}}}}}},
			object{
				"listener_arn": refs("aws_lb_listener.x.arn", "aws_lb_listener.x"),
				"action":       []any{object{"type": object{"constant_value": "forward"}, "forward": []any{object{"target_group": []any{object{"arn": refs("aws_alb_target_group.x.arn", "aws_alb_target_group.x")}}}}}},
			},
		},
		planned{
			"aws_elb",
			object{"internal": true, "subnets": []string{"subnet-1"}, "listener": []any{object{"lb_port": 80, "instance_port": 8080, "lb_protocol": "http", "instance_protocol": "http"}}},
			object{"id": true, "name": true, "instances": true},
			object{"instances": refs("aws_instance.x.id", "aws_instance.x")},
		},
	))
	want := `
aws_lb.x tcp/443
  aws_instance.x :8080
  aws_autoscaling_group.x :8080
  aws_autoscaling_group.x :8080
aws_elb.x tcp/80 open: ids that the plan does not show
  aws_autoscaling_group.x :8080
  aws_instance.x :8080`
	if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(forwards(n))); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func forwards(n *ir.Network) string {
	var b strings.Builder
	for _, i := range n.Interfaces {
		if i.Services == nil {
			continue
		}
		for _, s := range i.Services.Ports {
			open := ""
			if s.Forward.Open != nil {
				open = " open: " + s.Forward.Open.Cause.Address
			}
			fmt.Fprintf(&b, "%s tcp/%d%s\n", i.Resource, s.Ports.Lo, open)
			for _, t := range s.Forward.Targets {
				maybe := ""
				if t.Maybe != nil {
					maybe = " perhaps"
				}
				fmt.Fprintf(&b, "  %s :%d%s\n", t.Interface.Resource, t.Port.V, maybe)
			}
		}
	}
	return b.String()
}
