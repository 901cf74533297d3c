#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/checks/report.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/terms.hpp>
#include <powerconsul/probes/probe.hpp>

#include "command_line.hpp"
#include "configuration.hpp"

namespace powerconsul::cli {

/// The policies that all checks share, and the time that is left.
struct machine {
    posix_clock time{};
    posix_files files{};
    posix_accounts accounts{};
    milliseconds deadline{};
    expectation expects{expectation::unknown};  ///< once the role is known

    [[nodiscard]] auto left() const -> milliseconds { return deadline - time.monotonic(); }
};

using report_details = std::vector<std::pair<std::string, std::string>>;

/// What one check is, once its options are understood. Either `look` or `look_at_all` is there.
struct planned_check {
    check_subject subject{};
    std::function<observed()> look{};
    std::function<std::vector<observed>()> look_at_all{};
    std::function<report_details()> more{};  ///< called after the look
};

/// What a command line asks about, whether it can be carried out or not. `check crontab -n` without -u is the process
/// check: the original's manual spells it so.
[[nodiscard]] auto subject_of(const config::arguments& line) -> check_subject;

/// Understands the options of a check's subject. What it returns refers to all three. Fails with errc::usage.
[[nodiscard]] auto plan_check(const config::arguments& line, const configuration& chosen, machine& here)
    -> result<planned_check>;

/// `; see powerconsul check service --help`
[[nodiscard]] auto see_help(const config::arguments& line) -> std::string;

}  // namespace powerconsul::cli
