#include "commands.hpp"

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/report_text.hpp>
#include <powerconsul/heal/watch.hpp>

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto acknowledge(const config::arguments& line, const configuration& chosen, std::string& out,
                               std::string& err) -> result<exit_code> {
    if (line.operands.empty()) {
        return fail(errc::usage, "the service is missing: powerconsul incidents ack <service>");
    }
    const std::string& service = line.operands.front();
    posix_files files;
    const auto count = heal::acknowledge(files, chosen.state_dir, service, chosen.timeout);
    if (!count && count.error().code == errc::timed_out) {
        err += "powerconsul: " + one_line(count.error().message, 1000) + "; try again when its trigger has ended\n";
        return exit_code::try_again;
    }
    if (!count) return unexpected{count.error()};
    out += service + ": " + std::to_string(*count) + (*count == 1 ? " incident is" : " incidents are") +
           " tried again with the next run of the watch\n";
    return exit_code::done;
}

}  // namespace

auto run_incidents(const config::arguments& line, const configuration& chosen, std::string& out, std::string& err)
    -> result<exit_code> {
    if (line.words.subject == "ack") return acknowledge(line, chosen, out, err);
    posix_files files;
    const auto known = heal::load_all(files, chosen.state_dir);
    if (!known) return unexpected{known.error()};
    const std::string stopped = heal::stop_reason(files, chosen.stop_file);
    const bool json = line.has("json") || chosen.format == output_format::json;
    out += json ? heal::incidents_json(*known, chosen.watch.retry, stopped)
                : heal::incidents_text(*known, chosen.watch.retry, stopped, posix_clock{}.wall());
    return exit_code::done;
}

}  // namespace powerconsul::cli
