#pragma once

#include <string>

#include <powerconsul/ports/host.hpp>
#include <powerconsul/ports/tasks.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/testing/fake_executor.hpp>
#include <powerconsul/testing/fake_network.hpp>
#include <powerconsul/testing/fake_supervisor.hpp>
#include <powerconsul/testing/fake_transport.hpp>
#include <powerconsul/testing/fake_units.hpp>
#include <powerconsul/testing/manual_clock.hpp>
#include <powerconsul/testing/memory_accounts.hpp>
#include <powerconsul/testing/memory_files.hpp>
#include <powerconsul/testing/recording_log.hpp>

namespace powerconsul::inline v0::testing {

/// A host made of fakes, for one thread. Give it an embedded store as `Transport` wherever the text of Consul's answers
/// does not matter.
template <http_transport Transport = fake_transport>
struct fake_host {
    Transport consul{};
    manual_clock clock{};
    memory_files files{};
    fake_executor programs{};
    fake_supervisor jobs{};
    fake_units units{};
    memory_accounts users{};
    recording_log log{};
    fake_network network{};
    fake_network web{};
    sequential_runner tasks{};
    std::string name{"production-web1"};
};

static_assert(host<fake_host<>>);

}  // namespace powerconsul::inline v0::testing
