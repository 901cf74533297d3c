#pragma once

/// What a program needs that checks by its role, runs triggers or handles a watch: roles, decisions, checks, incidents
/// and the concepts of their policies. Included by name, since each is for some programs only and would cost all of
/// them time: adapters and fakes; the shipped probes; configuration files, addresses, credentials and the lines of the
/// log; doctor, lint and acl-policy. The lists are in meson.build next to this.

#include <powerconsul/action.hpp>
#include <powerconsul/base64.hpp>
#include <powerconsul/check.hpp>
#include <powerconsul/clock.hpp>
#include <powerconsul/cluster.hpp>
#include <powerconsul/consistency.hpp>
#include <powerconsul/consul.hpp>
#include <powerconsul/decision.hpp>
#include <powerconsul/duration.hpp>
#include <powerconsul/event.hpp>
#include <powerconsul/executor.hpp>
#include <powerconsul/expression.hpp>
#include <powerconsul/files.hpp>
#include <powerconsul/fwd.hpp>
#include <powerconsul/group.hpp>
#include <powerconsul/health.hpp>
#include <powerconsul/identity.hpp>
#include <powerconsul/incident.hpp>
#include <powerconsul/incident_rules.hpp>
#include <powerconsul/journal.hpp>
#include <powerconsul/json/action.hpp>
#include <powerconsul/json/allocator.hpp>
#include <powerconsul/json/cluster.hpp>
#include <powerconsul/json/consul.hpp>
#include <powerconsul/json/journal.hpp>
#include <powerconsul/json/last_known.hpp>
#include <powerconsul/json/parse_error.hpp>
#include <powerconsul/json/report.hpp>
#include <powerconsul/json/rights.hpp>
#include <powerconsul/json/skim.hpp>
#include <powerconsul/json/snapshot.hpp>
#include <powerconsul/json/unproven.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/noop.hpp>
#include <powerconsul/number.hpp>
#include <powerconsul/ordered.hpp>
#include <powerconsul/pattern.hpp>
#include <powerconsul/peers.hpp>
#include <powerconsul/probe.hpp>
#include <powerconsul/resolver.hpp>
#include <powerconsul/result.hpp>
#include <powerconsul/rights.hpp>
#include <powerconsul/role.hpp>
#include <powerconsul/state.hpp>
#include <powerconsul/substitution.hpp>
#include <powerconsul/supervisor.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/transport.hpp>
#include <powerconsul/trigger.hpp>
#include <powerconsul/trigger_places.hpp>
#include <powerconsul/trusted_directory.hpp>
#include <powerconsul/units.hpp>
#include <powerconsul/verdict.hpp>
#include <powerconsul/version.hpp>
#include <powerconsul/watch.hpp>
#include <powerconsul/watch_report.hpp>
