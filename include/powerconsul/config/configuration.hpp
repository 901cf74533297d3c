#pragma once

#include <span>

#include <powerconsul/config/connection.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/heal/handled.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

namespace powerconsul::inline v0::config {

/// The settings of one invocation: options, environment and configuration file put together.
struct configuration {
    std::string settings_file{};     ///< path of the configuration that was read; empty if none was
    consul_access consul{};          ///< left at its default if there is a store file
    std::string http_addr_source{};  ///< what named the address, as in "CONSUL_HTTP_ADDR"; empty with a store file
    std::string token_source{};      ///< what named the token; never the token itself
    std::string store{};             ///< path of a store file to ask instead of an agent; empty if an agent is asked
    std::string state_dir{};
    std::optional<service_manager> manager{};  ///< what the machine runs if not set
    std::string init_directory{};
    output_format format{output_format::by_command};
    milliseconds timeout{};
    int unknown_exit{1};
    std::string work_user{};  ///< name or number; any user if empty
    resolver_options roles{};
    identity_sources who_sources{};
    watch_options watch{};  ///< without what belongs to one run: the state
    log_options log{};
    bool log_by_default{true};  ///< nothing says where the log goes
    /// What was ignored or passed over, for whoever reads the outcome: a sentence for each, the same at each call.
    std::vector<std::string> notes{};
};

/// What becomes of keys of a configuration that are not known. A check and a watch ignore them with a note, so that a
/// file that was written for another version does not stop all nodes at once.
enum class unknown_keys : unsigned char { refused, ignored };

/// A check's time, exit status and format as known before any file is read: from options, environment and defaults.
struct requested {
    milliseconds timeout{seconds(8)};
    int unknown_exit{1};
    output_format format{output_format::by_command};
};

namespace detail {

// --- reading the file ---

struct loaded_settings {
    settings said{};
    std::string file{};  ///< empty if there is none
    std::vector<std::string> notes{};
};

/// Whether the directory of a file is known to be this user's, symbolic links followed.
template <named_file_source Files>
[[nodiscard]] auto in_own_directory(Files& files, std::string_view path) -> bool {
    const auto home = files.status(std::string{path.substr(0, path.rfind('/'))} + "/.");
    return home && *home && (*home)->uid == files.user();
}

/// The note on keys that are ignored.
[[nodiscard]] inline auto note_on_unknown(const std::string& path, std::vector<std::string> keys) -> std::string {
    constexpr std::size_t most = 5;
    if (keys.size() > most) {
        keys.resize(most);
        keys.emplace_back("others");
    }
    return "keys of the configuration " + path + " that are not known are ignored: " + one_line(listed(keys), 400) +
           "; see powerconsul lint " + path;
}

/// `own` gives the path of the user's own configuration and is called only if none is named.
template <named_file_source Files, account_source Users, typename Own>
[[nodiscard]] auto load_settings(const std::optional<said>& named, Files& files, Users& users, unknown_keys unknown,
                                 Own&& own) -> result<loaded_settings> {
    loaded_settings loaded;
    std::vector<std::string> candidates;
    if (named) {
        candidates.push_back(named->value);
    } else {
        auto path = own();
        if (!path) return unexpected{std::move(path).error()};
        if (!path->empty()) candidates.push_back(std::move(*path));
        candidates.emplace_back("/etc/powerconsul.conf");
    }
    for (const auto& path : candidates) {
        const auto text = files.read_named(path, std::size_t{1024} * 1024);
        // Consul may have been started with the HOME of whoever started it.
        const bool guessed = !named && path != candidates.back();
        if (!text && guessed && text.error().code == errc::denied && !in_own_directory(files, path)) {
            loaded.notes.push_back("the configuration " + quoted(path) +
                                   " is passed over: this user may not read it, and HOME is another user's");
            continue;
        }
        if (!text) return not_read("the configuration", text.error());
        if (!*text && named) {
            return fail(errc::configuration, "the configuration " + quoted(path) +
                                                 " does not exist; write it, or let " + named->where + " name another");
        }
        if (!*text) continue;
        // It says which Consul is believed, and so what is started and stopped here.
        const file_status& status = (*text)->status;
        const file_reader reader{files.user(), files.group()};
        if (const auto how = changeable_by(status, reader); !how.empty()) {
            return exposed_file(how, "the configuration", path, status, user_name(users, status.uid),
                                user_name(users, reader.user), "go-w");
        }
        std::vector<std::string> ignored;
        auto decoded = json::decode_settings((*text)->bytes, unknown == unknown_keys::ignored ? &ignored : nullptr);
        if (!decoded) return fail(errc::configuration, "the configuration " + path + ": " + decoded.error().message);
        if (!ignored.empty()) loaded.notes.push_back(note_on_unknown(path, std::move(ignored)));
        loaded.said = std::move(*decoded);
        loaded.file = path;
        return loaded;
    }
    return loaded;
}

/// The variables that a trigger is given are still set when it calls powerconsul: they are not misspelt.
[[nodiscard]] inline auto is_of_trigger(std::string_view variable) -> bool {
    if (variable.starts_with("POWERCONSUL_VAR_")) return true;
    return algo::any_of(trigger_environment({}, {}),
                        [&](std::string_view each) { return each.substr(0, each.find('=')) == variable; });
}

/// Refuses a misspelt `POWERCONSUL_…` variable: ignoring one that says who this node is would make it another node.
[[nodiscard]] inline auto check_variables(const surroundings& around, std::span<const std::string> options)
    -> result<void> {
    constexpr std::string_view prefix = "POWERCONSUL_";
    std::vector<std::string> known;
    for (const auto& [name, value] : around.environment) {
        if (!name.starts_with(prefix) || value.empty()) continue;
        if (known.empty()) {
            for (const auto& option : options) known.push_back(variable_name(option).substr(prefix.size()));
        }
        const std::string_view own = std::string_view{name}.substr(prefix.size());
        if (algo::find(known, own) != known.end() || is_of_trigger(name)) continue;
        const auto meant = nearest(own, known);
        if (meant.empty() || (edit_distance(own, meant) * 3 > meant.size() && !meant.starts_with(own))) continue;
        return fail(errc::usage, quoted(name) + " is no variable of powerconsul; did you mean " + std::string{prefix} +
                                     std::string{meant} + '?');
    }
    return {};
}

[[nodiscard]] inline auto configured_watch(const settings& said) -> watch_options {
    watch_options options;
    options.retry.backoff = said.parsed("trigger.backoff", options.retry.backoff, parse_duration);
    options.retry.longest = said.parsed("trigger.maxBackoff", options.retry.longest, parse_duration);
    options.retry.attempts = said.parsed("trigger.attempts", options.retry.attempts, parse_count<100>);
    options.retry.settle = said.parsed("trigger.settle", options.retry.settle, parse_duration);
    options.at_once = said.parsed("trigger.parallel", std::uint32_t{4}, parse_count<64>);
    options.triggers.base_key = said.text("triggerKey");
    options.triggers.timeout = said.parsed("trigger.timeout", options.triggers.timeout, parse_duration);
    options.triggers.grace = said.parsed("trigger.grace", options.triggers.grace, parse_duration);
    for (const auto& [name, value] : said.substitutions) options.triggers.substitutions.push_back({name, value});
    options.noop_triggers = said.noop_triggers;
    return options;
}

}  // namespace detail

/// The path of the user's own configuration, which is read if none is named; empty if there is no home directory.
/// `home_directory` is called if HOME is not set.
template <typename Home>
[[nodiscard]] auto own_configuration(const surroundings& around, Home&& home_directory) -> result<std::string> {
    const auto variable = around.environment.find("HOME");
    const auto home = variable == around.environment.end() ? home_directory() : result{variable->second};
    if (!home) return fail(home.error().code, home.error().message + "; set HOME, or name it with --config");
    return home->empty() ? std::string{} : *home + "/.powerconsul.conf";
}

// --- putting it together ---

[[nodiscard]] inline auto requested_limits(const surroundings& around, const arguments& given) -> requested {
    const settings none;
    sources from{around, given, none, {}};
    requested asked;
    asked.timeout = from.parsed("timeout", asked.timeout, parse_duration);
    asked.unknown_exit = from.parsed("unknown-exit", asked.unknown_exit, parse_unknown_exit);
    asked.format = from.parsed("format", asked.format, parse_format);
    return asked;
}

/// Puts together options, `POWERCONSUL_…`, `CONSUL_…`, the configuration file and the defaults, in that order.
/// `options`: the long names of the options that `POWERCONSUL_…` variables can stand for. Fails with errc::usage for an
/// option or variable, errc::configuration for a file, errc::io for a file that could not be read just now.
template <named_file_source Files, account_source Users, typename Home>
[[nodiscard]] auto configure(const surroundings& around, const arguments& given, std::span<const std::string> options,
                             Files& files, Users& users, Home&& home_directory,
                             unknown_keys unknown = unknown_keys::refused) -> result<configuration> {
    if (auto sound = detail::check_variables(around, options); !sound) return unexpected{std::move(sound).error()};
    const settings none;
    const auto loaded = detail::load_settings(sources{around, given, none, {}}.given("config"), files, users, unknown,
                                              [&] { return own_configuration(around, home_directory); });
    if (!loaded) return unexpected{loaded.error()};
    sources from{around, given, loaded->said, loaded->file};
    configuration made;
    made.settings_file = loaded->file;
    made.notes = given.notes;
    made.notes.insert(made.notes.end(), loaded->notes.begin(), loaded->notes.end());
    made.store = from.text("store", "");
    made.state_dir = from.text("state-dir", "/var/lib/powerconsul");
    made.manager = from.parsed("service-manager", made.manager, parse_service_manager);
    made.init_directory = from.text("init-directory", "/etc/init.d");
    made.timeout = from.parsed("timeout", requested{}.timeout, parse_timeout);
    made.unknown_exit = from.parsed("unknown-exit", requested{}.unknown_exit, parse_unknown_exit);
    made.format = from.parsed("format", requested{}.format, parse_format);
    made.work_user = from.text("work-user", "");

    auto& who = made.roles.who;
    who.host = around.host;
    const auto choose = [&](const std::string& option, std::string& value, std::string& source) {
        auto found = from.anywhere(option).value_or(said{});
        value = std::move(found.value);
        source = std::move(found.where);
    };
    choose("node", who.node, made.who_sources.node);
    choose("environment", who.environment, made.who_sources.environment);
    choose("server-role", who.server_role, made.who_sources.server_role);
    choose("datacenter", who.datacenter, made.who_sources.datacenter);
    made.roles.cluster_key = loaded->said.text("clusterKey");
    made.roles.service_filter = loaded->said.text("serviceFilter");
    made.roles.from = loaded->said.parsed("takeoverOn", takeover::on_critical, parse_takeover);
    auto& wait = made.roles.wait;
    wait.takeover_after = from.parsed("takeover-after", wait.takeover_after, parse_duration);
    wait.give_back_after = from.parsed("give-back-after", wait.give_back_after, parse_duration);
    wait.absent_after = from.parsed("absent-after", wait.absent_after, parse_duration);
    made.roles.max_age = from.parsed("max-age", seconds(60), parse_duration);
    made.roles.reads.max_stale = from.parsed("max-stale", made.roles.reads.max_stale, parse_duration);
    const bool consistent = from.parsed("consistent", false, parse_boolean);
    const bool cached = from.parsed("health-cache", false, parse_boolean);
    if (made.roles.reads.max_stale.count == 0) made.roles.reads.documents = consistency::consistent;
    if (cached) made.roles.reads.health = consistency::cached;
    if (consistent) made.roles.reads.documents = made.roles.reads.health = consistency::consistent;
    made.log.target = from.parsed("log", log_target{log_target_kind::standard_error, {}}, parse_log_target);
    made.log_by_default = !from.anywhere("log");
    made.log.format = from.parsed("log-format", log_format::logfmt, parse_log_format);
    made.log.most = from.parsed("log-level", event_level::info, parse_event_level);
    made.watch = detail::configured_watch(loaded->said);
    made.watch.manager = made.manager;
    made.watch.init_directory = made.init_directory;
    made.watch.stop_file = from.text("stop-file", "/etc/powerconsul.stop");
    if (from.refused()) return unexpected{*from.refused()};
    if (consistent && cached) {
        if (!from.given("consistent") && !from.given("health-cache")) {
            return fail(errc::configuration, "the configuration " + loaded->file +
                                                 ": consistent: with healthCache: "
                                                 "what is in a cache is not consistent; choose one");
        }
        return fail(errc::usage, "--consistent and --health-cache: what is in a cache is not consistent; choose one");
    }
    if (made.store.empty()) {
        auto found = find_access(from, files, users);
        if (!found) return unexpected{std::move(found).error()};
        made.consul = std::move(found->consul);
        made.http_addr_source = std::move(found->address_source);
        made.token_source = std::move(found->token_source);
    }
    made.roles.cluster = !made.store.empty()                    ? made.store
                         : is_this_machine(made.consul.address) ? ""
                                                                : made.consul.address;
    return made;
}

}  // namespace powerconsul::inline v0::config
