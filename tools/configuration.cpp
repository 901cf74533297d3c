#include "configuration.hpp"

#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix_files.hpp>
#include <powerconsul/json/settings.hpp>

namespace powerconsul::cli {

namespace {

using optional_text = std::optional<std::string>;

/// A file that a person named may be a symbolic link; posix_files itself follows none.
[[nodiscard]] auto read_named_file(const std::string& path, std::size_t limit) -> result<optional_text> {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr) {
        if (errno == ENOENT || errno == ENOTDIR) return optional_text{};
        return system_failure("read", path, errno);
    }
    return posix_files{}.read(resolved, limit);
}

[[nodiscard]] auto variable(const invocation& call, std::string_view name) -> optional_text {
    const auto found = call.environment.find(name);
    return found == call.environment.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

/// `--state-dir` as an environment variable: `POWERCONSUL_STATE_DIR`.
[[nodiscard]] auto variable_name(std::string_view option) -> std::string {
    std::string name = "POWERCONSUL_";
    for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

/// The value of an option and what to call it in an error.
struct said {
    std::string value{};
    std::string where{};
};

[[nodiscard]] auto option_or_variable(const invocation& call, const command_line& line, const std::string& option)
    -> std::optional<said> {
    if (auto value = line.value(option)) return said{std::move(*value), "--" + option};
    const std::string name = variable_name(option);
    if (auto value = variable(call, name)) return said{std::move(*value), name};
    return std::nullopt;
}

[[nodiscard]] auto parse_format(std::string_view text) -> result<output_format> {
    if (text == "json") return output_format::json;
    if (text == "text") return output_format::text;
    return fail(errc::usage, quoted(text) + R"( is neither "json" nor "text")");
}

[[nodiscard]] auto load_settings(const invocation& call, const command_line& line) -> result<settings> {
    std::vector<std::string> candidates;
    const auto named = option_or_variable(call, line, "config");
    if (named) {
        candidates.push_back(named->value);
    } else {
        if (const auto home = variable(call, "HOME")) candidates.push_back(*home + "/.powerconsul.conf");
        candidates.emplace_back("/etc/powerconsul.conf");
    }
    for (const auto& path : candidates) {
        const auto text = read_named_file(path, std::size_t{1024} * 1024);
        if (!text) return fail(errc::configuration, text.error().message);
        if (!*text && named) return fail(errc::configuration, "the configuration " + quoted(path) + " does not exist");
        if (!*text) continue;
        auto decoded = json::decode_settings(**text);
        if (!decoded) return fail(errc::configuration, path + ": " + decoded.error().message);
        return decoded;
    }
    return settings{};
}

/// Takes each value from the first place that says something.
class layers {
public:
    layers(const invocation& call, const command_line& line) : call_{call}, line_{line} {}

    [[nodiscard]] auto text(const std::string& option, const optional_text& configured, std::string_view otherwise)
        -> std::string {
        if (auto found = option_or_variable(call_, line_, option)) return std::move(found->value);
        return configured.value_or(std::string{otherwise});
    }

    template <typename T, typename Parse>
    [[nodiscard]] auto parsed(const std::string& option, const std::optional<T>& configured, T otherwise, Parse parse)
        -> T {
        const auto found = option_or_variable(call_, line_, option);
        if (!found) return configured.value_or(otherwise);
        const auto value = parse(found->value);
        if (value) return *value;
        if (!trouble_) trouble_ = error{errc::usage, found->where + ": " + value.error().message};
        return otherwise;
    }

    [[nodiscard]] auto trouble() const -> const std::optional<error>& { return trouble_; }

private:
    const invocation& call_;
    const command_line& line_;
    std::optional<error> trouble_{};
};

[[nodiscard]] auto read_token(const std::string& path) -> result<std::string> {
    const auto text = read_named_file(path, 4096);
    if (!text) return fail(errc::configuration, "the token file: " + text.error().message);
    if (!*text) return fail(errc::configuration, "the token file " + quoted(path) + " does not exist");
    constexpr std::string_view blank = " \t\r\n";
    const auto first = (*text)->find_first_not_of(blank);
    if (first == std::string::npos) return fail(errc::configuration, "the token file " + quoted(path) + " is empty");
    return (*text)->substr(first, (*text)->find_last_not_of(blank) - first + 1);
}

/// A token file named anywhere wins over a token in the environment, as with Consul's own program; the configuration's
/// comes last.
[[nodiscard]] auto find_token(const invocation& call, const command_line& line, const settings& configured)
    -> result<std::string> {
    if (const auto file = option_or_variable(call, line, "token-file")) return read_token(file->value);
    if (const auto file = variable(call, "CONSUL_HTTP_TOKEN_FILE")) return read_token(*file);
    if (const auto token = variable(call, "CONSUL_HTTP_TOKEN")) return *token;
    if (configured.token_file) return read_token(*configured.token_file);
    return std::string{};
}

[[nodiscard]] auto configured_watch(const settings& configured) -> watch_options {
    const trigger_settings& said = configured.triggers;
    watch_options options;
    options.retry.backoff = said.backoff.value_or(options.retry.backoff);
    options.retry.longest = said.max_backoff.value_or(options.retry.longest);
    options.retry.attempts = said.attempts.value_or(options.retry.attempts);
    options.at_once = said.parallel.value_or(4);
    options.triggers.base_key = configured.trigger_key.value_or("");
    options.triggers.timeout = said.timeout.value_or(options.triggers.timeout);
    options.triggers.grace = said.grace.value_or(options.triggers.grace);
    for (const auto& [name, value] : configured.substitutions) options.triggers.substitutions.push_back({name, value});
    options.noop_triggers = configured.noop_triggers;
    return options;
}

}  // namespace

auto requested_limits(const invocation& call, const command_line& line) -> requested {
    layers from{call, line};
    requested asked;
    asked.timeout = from.parsed("timeout", std::optional<milliseconds>{}, asked.timeout, parse_duration);
    asked.unknown_exit = from.parsed("unknown-exit", std::optional<int>{}, asked.unknown_exit, parse_unknown_exit);
    asked.format = from.parsed("format", std::optional<output_format>{}, asked.format, parse_format);
    return asked;
}

auto configure(const invocation& call, const command_line& line) -> result<configuration> {
    const auto configured = load_settings(call, line);
    if (!configured) return unexpected{configured.error()};
    layers from{call, line};
    configuration made;
    made.http_addr = from.text("http-addr", std::nullopt, "");
    if (made.http_addr.empty()) {
        const auto standard = variable(call, "CONSUL_HTTP_ADDR");
        made.http_addr = standard ? *standard : configured->http_addr.value_or("127.0.0.1:8500");
    }
    made.store = from.text("store", configured->store, "");
    made.state_dir = from.text("state-dir", configured->state_dir, "/var/lib/powerconsul");
    made.service_manager = from.text("service-manager", configured->service_manager, "");
    made.timeout = from.parsed("timeout", configured->timeout, seconds(8), parse_duration);
    made.unknown_exit = from.parsed("unknown-exit", configured->unknown_exit, 1, parse_unknown_exit);
    const auto configured_format = parse_format(configured->format.value_or("json"));
    if (!configured_format) return fail(errc::configuration, "format: " + configured_format.error().message);
    made.format = from.parsed("format", configured->format ? std::optional{*configured_format} : std::nullopt,
                              output_format::by_command, parse_format);

    made.roles.who.host = call.host;
    made.roles.who.node = from.text("node", configured->node, "");
    made.roles.who.environment = from.text("environment", configured->environment, "");
    made.roles.who.server_role = from.text("server-role", configured->server_role, "");
    made.roles.who.datacenter = from.text("datacenter", configured->datacenter, "");
    made.roles.cluster_key = configured->cluster_key.value_or("");
    made.roles.service_filter = configured->service_filter.value_or("");
    made.roles.from = configured->takeover_on.value_or(takeover::on_critical);
    made.roles.max_age = from.parsed("max-age", configured->max_age, seconds(60), parse_duration);
    made.stop_file = from.text("stop-file", configured->stop_file, "/etc/powerconsul.stop");
    made.log.target = from.parsed("log", std::optional<log_target>{}, log_target{log_target_kind::standard_error, {}},
                                  parse_log_target);
    if (configured->log && !option_or_variable(call, line, "log")) {
        const auto target = parse_log_target(*configured->log);
        if (!target) return fail(errc::configuration, "log: " + target.error().message);
        made.log.target = *target;
    }
    made.log_by_default = !configured->log && !option_or_variable(call, line, "log");
    made.log.format = from.parsed("log-format", configured->log_format, log_format::logfmt, parse_log_format);
    made.log.most = from.parsed("log-level", configured->log_level, event_level::info, parse_event_level);
    made.watch = configured_watch(*configured);
    if (from.trouble()) return unexpected{*from.trouble()};
    if (made.timeout < milliseconds{100}) return fail(errc::usage, "--timeout: expected at least 100ms");

    if (made.store.empty()) {
        auto token = find_token(call, line, *configured);
        if (!token) return unexpected{std::move(token).error()};
        made.token = std::move(*token);
    }
    return made;
}

}  // namespace powerconsul::cli
