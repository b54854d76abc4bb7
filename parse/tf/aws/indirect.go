package aws

import "github.com/postern-dev/postern/diag"

// linkIndirect notes what brings internet traffic to private interfaces.
// [Global Accelerator about-endpoints; CloudFront private-content-vpc-origins]
func linkIndirect(v view) {
	v.b.net.Indirect = append(v.b.net.Indirect, diag.Place{
		Address: v.in.Address, Message: "may bring internet traffic to interfaces without a public address", Range: v.blk.Range,
	})
}

// linkDistribution looks for origins that are in a VPC.
func linkDistribution(v view) {
	origins, _ := v.nested("origin")
	for _, o := range origins {
		if inside, _ := o.nested("vpc_origin_config"); len(inside) > 0 {
			linkIndirect(inside[0])
			return
		}
	}
}
