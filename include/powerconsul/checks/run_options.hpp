#pragma once

#include <powerconsul/checks/noop.hpp>
#include <powerconsul/cluster/resolver_options.hpp>
#include <powerconsul/probes/process/expected_work.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

namespace powerconsul::inline v0::checks {

/// What all kinds of check have in common.
struct run_options {
    resolver_options roles{};
    std::string state_dir{"/var/lib/powerconsul"};
    milliseconds timeout{seconds(8)};  ///< for the whole check
    std::optional<service_manager> manager{};
    std::string init_directory{"/etc/init.d"};
    noop_options noop{};
    bool serving{};      ///< critical wherever the service is not expected to run: see judge_serving()
    work_filter work{};  ///< processes that count as the service's work, whatever its probe says
};

}  // namespace powerconsul::inline v0::checks
