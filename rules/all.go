package rules

// All returns the catalogue, in the order in which lists show it.
func All() []*Rule {
	return []*Rule{
		pathToData,
		internetAllTraffic,
		internetDatabase,
		internetSSH,
		internetRDP,
		internetAdmin,
		almostInternet,
		latentExposure,
		crossVPCExposure,

		naclDenyIneffective,
		naclAllowIneffective,
		naclEntryRedundant,
		naclDefaultEmptied,
		naclReplyBlocked,
		naclICMPTypeZero,
		naclPortZero,
		naclSubnetConflict,

		sgRuleRedundant,
		sgRuleNeverMatches,
		sgInlineAndStandalone,
		sgPortsIgnored,
		sgRuleRedundantOnInterface,

		routeAsymmetric,
		routeBlackhole,
		peeringRouteTooWide,
		dataInPublicSubnet,
		publicIPWithoutNeed,
		vpcBlockPublicAccess,

		unknownValue,
		notAnalysed,
		invalidValue,
		unusedIgnore,
	}
}

// Find returns the rule with an id, or nil.
func Find(id string) *Rule {
	for _, r := range All() {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Names lists the ids of all rules in the order of All.
func Names() []string {
	var names []string
	for _, r := range All() {
		names = append(names, r.ID)
	}
	return names
}
