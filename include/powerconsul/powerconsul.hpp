#pragma once

/// All of the library but the adapters, each of which pulls in an operating-system or third-party part of its own, and
/// the fakes for tests.

#include <powerconsul/accounts.hpp>
#include <powerconsul/address.hpp>
#include <powerconsul/base64.hpp>
#include <powerconsul/check.hpp>
#include <powerconsul/clock.hpp>
#include <powerconsul/cluster.hpp>
#include <powerconsul/consul.hpp>
#include <powerconsul/decision.hpp>
#include <powerconsul/executor.hpp>
#include <powerconsul/files.hpp>
#include <powerconsul/fwd.hpp>
#include <powerconsul/group.hpp>
#include <powerconsul/health.hpp>
#include <powerconsul/identity.hpp>
#include <powerconsul/json/cluster.hpp>
#include <powerconsul/json/consul.hpp>
#include <powerconsul/json/last_known.hpp>
#include <powerconsul/json/report.hpp>
#include <powerconsul/json/settings.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/noop.hpp>
#include <powerconsul/pattern.hpp>
#include <powerconsul/peers.hpp>
#include <powerconsul/probe.hpp>
#include <powerconsul/probes/openrc.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/service.hpp>
#include <powerconsul/probes/service_manager.hpp>
#include <powerconsul/probes/systemd.hpp>
#include <powerconsul/probes/sysv.hpp>
#include <powerconsul/resolver.hpp>
#include <powerconsul/result.hpp>
#include <powerconsul/role.hpp>
#include <powerconsul/settings.hpp>
#include <powerconsul/state.hpp>
#include <powerconsul/tasks.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/transport.hpp>
#include <powerconsul/units.hpp>
#include <powerconsul/verdict.hpp>
#include <powerconsul/version.hpp>
#include <powerconsul/words.hpp>
