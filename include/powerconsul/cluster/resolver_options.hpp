#pragma once

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/cluster/standby.hpp>
#include <powerconsul/consul/health.hpp>
#include <powerconsul/consul/reading.hpp>

namespace powerconsul::inline v0 {

/// What is done with the record of the last known role: who only looks changes nothing.
enum class record_use : unsigned char { none, read, read_and_write };

struct resolver_options {
    identity who{};             ///< what is empty is taken from the host name, then from the agent
    std::string cluster_key{};  ///< the key below which the documents stand; if empty, `cluster/<environment>`
    /// Narrows the actives of datacenters by node name; if empty, those of the same environment and server role count.
    std::string service_filter{};
    takeover from{takeover::on_critical};
    standby_times wait{};
    milliseconds max_age{seconds(60)};  ///< for how long a last known role may be used; 0 means never
    record_use record{record_use::read_and_write};
    std::string cluster{};  ///< who is asked, if not the agent of this machine: another one's record does not count
    read_rules reads{};
};

}  // namespace powerconsul::inline v0
