#pragma once

/// What a program needs that checks by its role, runs triggers or handles a watch: roles, decisions, checks, incidents
/// and the concepts of their policies. Included by name, since each is for some programs only and would cost all of
/// them time: adapters and fakes; the shipped probes; configuration files, addresses, credentials and the lines of the
/// log; doctor, lint, acl-policy and the explanation of a role. The lists are in meson.build next to this.

#include <powerconsul/checks/check.hpp>
#include <powerconsul/checks/noop.hpp>
#include <powerconsul/checks/report.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/checks/verdict_log.hpp>
#include <powerconsul/cluster/actives.hpp>
#include <powerconsul/cluster/document.hpp>
#include <powerconsul/cluster/document_json.hpp>
#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/cluster/last_known.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/consul/health.hpp>
#include <powerconsul/consul/reading.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/pattern.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/rules.hpp>
#include <powerconsul/decision/terms.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/heal/handler.hpp>
#include <powerconsul/heal/incident.hpp>
#include <powerconsul/heal/incidents_text.hpp>
#include <powerconsul/heal/journal.hpp>
#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/heal/own_look.hpp>
#include <powerconsul/heal/pause.hpp>
#include <powerconsul/heal/pause_change.hpp>
#include <powerconsul/heal/record.hpp>
#include <powerconsul/heal/report_text.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/heal/service_view.hpp>
#include <powerconsul/heal/shared.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/heal/watch.hpp>
#include <powerconsul/heal/worker.hpp>
#include <powerconsul/json/skim.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/log.hpp>
#include <powerconsul/ports/supervisor.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/version.hpp>
