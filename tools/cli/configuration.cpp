#include "configuration.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/core/text.hpp>

#include "options.hpp"

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto home_of(const invocation& call) {
    return [&call] { return call.home ? call.home() : result<std::string>{std::string{}}; };
}

}  // namespace

auto with_remedy(std::string message, std::string_view remedy) -> std::string {
    if (remedy.empty()) return message;
    const auto options = options_from_environment();
    std::vector<std::string> names;
    for (std::size_t at = 0; at < remedy.size();) {
        const std::string name{remedy.substr(at, remedy.find(' ', at) - at)};
        at += name.size() + 1;
        std::string option;
        for (const char c : name)
            option += c >= 'A' && c <= 'Z' ? std::string{'-', static_cast<char>(c - 'A' + 'a')} : std::string{c};
        // A setting that no option stands for is a key of the configuration; what no configuration has is an option.
        const bool is_key =
            std::ranges::count(options, option) == 0 && std::ranges::count(json::settings_keys(), name) != 0;
        names.push_back(is_key ? name : "--" + option);
    }
    return message + "; set " + listed(names, "or");
}

auto own_configuration(const invocation& call) -> result<std::string> {
    return config::own_configuration(call, home_of(call));
}

auto configure(const invocation& call, const config::arguments& line) -> result<configuration> {
    posix_files files;
    posix_accounts accounts;
    auto made = config::configure(call, line, options_from_environment(), files, accounts, home_of(call));
    const bool https = made && made->store.empty() && made->consul.address.starts_with("https://");
    if (https && call.with_tls) return unexpected{call.with_tls()};
    return made;
}

}  // namespace powerconsul::cli
