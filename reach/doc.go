// Package reach says what AWS does with packets. It compiles the network model
// to packet sets and composes them along paths, in both directions.
//
// A flow goes from one end to another: an interface, or a host outside every
// VPC. Its path is a list of stages, each a filter, a route or a gateway, each
// with the set of headers that it lets through. F, the forward set, is the
// intersection of the stages that judge the request; R is the set of headers
// whose reply every stage on the way back lets through, or that need no reply.
// A flow is complete where both hold. All sets are stated in headers as the
// initiator sends them, so that they can be intersected; a stage that reads
// another header (behind an internet gateway, on the way back) is compiled with
// its fields swapped or its addresses translated.
//
// Every set is a Band: what surely passes, what may pass on the evidence of
// known rules, and what may pass at all. See foundations in docs/architecture.md.
//
// Nothing here evaluates a single packet; package trace does that, shares no
// code with this one, and judges it.
package reach
