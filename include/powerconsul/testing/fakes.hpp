#pragma once

/// All fakes that an embedder's tests need. For Consul itself see store/store.hpp: it answers the real API from memory
/// and is the better choice wherever the answer's text does not matter.
#include <powerconsul/testing/fake_executor.hpp>
#include <powerconsul/testing/fake_network.hpp>
#include <powerconsul/testing/fake_supervisor.hpp>
#include <powerconsul/testing/fake_transport.hpp>
#include <powerconsul/testing/fake_units.hpp>
#include <powerconsul/testing/manual_clock.hpp>
#include <powerconsul/testing/memory_accounts.hpp>
#include <powerconsul/testing/memory_files.hpp>
#include <powerconsul/testing/recording_log.hpp>
