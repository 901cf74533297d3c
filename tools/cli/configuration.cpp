#include "configuration.hpp"

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/files.hpp>

#include "options.hpp"

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto home_of(const invocation& call) {
    return [&call] { return call.home ? call.home() : result<std::string>{std::string{}}; };
}

}  // namespace

auto own_configuration(const invocation& call) -> result<std::string> {
    return config::own_configuration(call, home_of(call));
}

auto configure(const invocation& call, const config::arguments& line) -> result<configuration> {
    posix_files files;
    posix_accounts users;
    auto made = config::configure(call, line, options_from_environment(), files, users, home_of(call));
    const bool https = made && made->store.empty() && made->consul.address.starts_with("https://");
    if (https && call.with_tls) return unexpected{call.with_tls()};
    return made;
}

}  // namespace powerconsul::cli
