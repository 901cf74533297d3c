#include <ctime>

#include <powerconsul/heal/pause_change.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

/// What a pause is about, and where it is kept.
struct pause_place {
    std::string service{};  ///< all_services if none was named
    std::string subject{};  ///< `web in production`
    std::string verb{};     ///< `is` or `are`
    std::string where{};    ///< a key or a file
    bool here{};            ///< for this node alone
};

[[nodiscard]] auto place_of(const config::arguments& line, const configuration& chosen) -> result<pause_place> {
    const auto named = named_service(line);
    if (!named) return unexpected{named.error()};
    const bool all = named->empty();
    if (*named == all_services) {
        return fail(errc::usage,
                    quoted(*named) + " stands for all services; leave it out for those" + see_help(line.words));
    }
    pause_place place{.service = all ? std::string{all_services} : *named, .here = line.has("here")};
    if (auto valid = validate_segment("the Consul service name", place.service); !valid) {
        return unexpected{valid.error()};
    }
    place.subject = all ? "all services" : *named;
    place.verb = all ? "are" : "is";
    if (place.here) {
        place.subject += " on this node";
        place.where = pause_file(chosen.state_dir, place.service);
        return place;
    }
    if (!chosen.store.empty()) {
        return fail(errc::usage, "the store file " + quoted(chosen.store) +
                                     " is only read; pause with a Consul agent instead of --store, or with --here");
    }
    auto key = pause_key(chosen.roles.who, place.service);
    if (!key) return unexpected{std::move(key).error()};
    place.subject += " in " + completed(chosen.roles.who).environment;
    place.where = std::move(*key);
    return place;
}

[[nodiscard]] auto change(const pause_place& place, const configuration& chosen, quiet_host& here,
                          const std::optional<std::string>& text) -> result<std::optional<std::string>> {
    if (place.here) return change_local_pause(here.files, chosen.state_dir, place.service, text);
    consul_client<any_transport&, posix_clock&> consul{here.consul, here.clock,
                                                       here.clock.monotonic() + chosen.timeout};
    return change_pause(consul, place.where, chosen.roles.who.datacenter, text);
}

/// What is told of a pause that stood there before: `paused until …`.
[[nodiscard]] auto before_text(std::string_view before, milliseconds now) -> std::string {
    const auto read = json::decode_pause(before);
    return read ? pause_text(*read, now) : "paused by a value that could not be read: " + quoted(before);
}

/// A time with an offset or, as people say it, one of this machine's own time zone.
[[nodiscard]] auto parse_end(const std::string& text) -> std::optional<milliseconds> {
    if (const auto time = parse_time(text)) return time;
    const auto local = parse_time(text + 'Z');
    if (!local) return std::nullopt;
    std::time_t whole = local->count / 1000;
    std::tm parts{};
    if (::gmtime_r(&whole, &parts) == nullptr) return std::nullopt;
    parts.tm_isdst = -1;
    whole = std::mktime(&parts);
    return whole < 0 ? std::nullopt : std::optional{seconds(whole)};
}

/// When the pause is to end; whole seconds.
[[nodiscard]] auto requested_end(const config::arguments& line, milliseconds now) -> result<milliseconds> {
    const auto length = line.value("for");
    const auto end = line.value("until");
    const std::string most = std::to_string(longest_pause_days) + "d";
    if (length.has_value() == end.has_value()) {
        return fail(errc::usage, (length ? "--for and --until: give one of them"
                                         : "no pause is without an end: say --for how long, as in --for 2h, at most " +
                                               most + ", or --until when") +
                                     see_help(line.words));
    }
    if (length) {
        const auto time = parse_long_duration(*length, longest_pause_days);
        if (!time) return fail(errc::usage, "--for: " + time.error().message);
        if (*time < seconds(1)) return fail(errc::usage, "--for: " + quoted(*length) + " is less than a second");
        return now + seconds((time->count + 999) / 1000);
    }
    const auto time = parse_end(*end);
    if (!time) {
        return fail(errc::usage, "--until: " + quoted(*end) +
                                     " is no time; expected one as in 2026-12-01T08:00, or 2026-12-01T08:00+01:00");
    }
    const milliseconds left = *time - now;
    if (left < seconds(1)) return fail(errc::usage, "--until: " + clock_text(*time) + " is over");
    if (left > longest_pause) {
        return fail(errc::usage,
                    "--until: " + clock_text(*time) + " is later than the " + most + " from now that may be given");
    }
    return seconds(time->count / 1000);
}

[[nodiscard]] auto requested_reason(const config::arguments& line) -> result<std::string> {
    constexpr std::size_t most = 300;
    auto why = line.value("why");
    if (!why) {
        return fail(errc::usage,
                    "the option --why is missing: say it for those who wonder, as in --why 'kernel update'" +
                        see_help(line.words));
    }
    if (!is_utf8(*why) || trimmed(*why).empty() || one_line(*why, most) != one_line(*why, why->size() + 3)) {
        return fail(errc::usage, "--why: expected text of at most " + std::to_string(most) + " bytes in UTF-8");
    }
    return one_line(*why, most);
}

/// Who runs this: `anna@web1`, also behind sudo.
[[nodiscard]] auto author(const invocation& call, quiet_host& here) -> std::string {
    const auto behind_sudo = call.environment.find("SUDO_USER");
    std::string user = behind_sudo == call.environment.end() ? std::string{} : behind_sudo->second;
    if (user.empty()) {
        const auto name = here.users.user_name(here.files.user());
        user = name && *name ? **name : std::to_string(here.files.user());
    }
    return one_line(json::sound_text(user), 60) + '@' + std::string{short_name(call.host)};
}

/// Why single services are held in the place where the pause of all stands, as far as that can be read.
[[nodiscard]] auto single_pauses(const pause_place& place, const configuration& chosen, quiet_host& here,
                                 milliseconds now) -> std::vector<std::string> {
    std::vector<listed_key> found;
    const std::string below = place.where.substr(0, place.where.rfind(all_services));
    if (place.here) {
        auto names = here.files.list(chosen.state_dir, 100'000);
        if (!names || !*names) return {};
        for (const auto& each : **names) {
            const std::string path = chosen.state_dir + '/' + each;
            if (!path.starts_with(below) || !path.ends_with(".json")) continue;
            if (auto text = here.files.read(path, 16 * 1024); text && *text) found.push_back({path, std::move(**text)});
        }
    } else if (auto keys = list_keys(here.consul, below, chosen.roles.who.datacenter, seconds(2))) {
        found = std::move(keys->keys);
    }
    std::ranges::sort(found, {}, &listed_key::key);
    std::vector<std::string> reasons;
    for (const auto& each : found) {
        std::string_view name{each.key};
        name.remove_prefix(below.size());
        if (place.here) name.remove_suffix(std::string_view{".json"}.size());
        const std::string service = place.here ? percent_decoded(name).value_or("") : std::string{name};
        if (service.empty() || service == all_services) continue;
        auto reason = pause_reason(each.value, each.key, resume_command(service, place.here), now);
        if (!reason.empty()) reasons.push_back(service + ", " + reason);
    }
    return reasons;
}

}  // namespace

auto run_pause(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
               std::string& err) -> result<exit_code> {
    const auto place = place_of(line, chosen);
    if (!place) return unexpected{place.error()};
    const milliseconds now = seconds(posix_clock{}.wall().count / 1000);
    const auto until = requested_end(line, now);
    if (!until) return unexpected{until.error()};
    const auto why = requested_reason(line);
    if (!why) return unexpected{why.error()};
    auto here = make_host(chosen);
    if (!here) return unexpected{std::move(here).error()};
    const pause_record made{*until, now, author(call, *here), *why};
    const auto before = change(*place, chosen, *here, json::encode_pause(made));
    if (!before) return unexpected{before.error()};
    out +=
        place->subject + ' ' + place->verb + ' ' + pause_text(made, now) + " (" + one_line(place->where, 500) + ")\n";
    const auto old = *before ? json::decode_pause(**before) : result{made};
    if (*before && (!old || old->until > now)) out += "before, it was " + before_text(**before, now) + '\n';
    if (place->here || place->service == all_services) return exit_code::done;
    // A pause of a misspelt service holds nothing.
    consul_client<any_transport&, posix_clock&> consul{here->consul, here->clock, here->clock.monotonic() + seconds(2)};
    const auto known = std::move(consul.instances(place->service, {chosen.roles.who.datacenter}).front().instances);
    if (!known || !known->empty()) return exit_code::done;
    // A list leaves out what the token may not see.
    const auto hidden = consul.missing_rights({{acl_resource::service, place->service}, {acl_resource::node, {}, true}},
                                              chosen.roles.who.datacenter);
    if (hidden && hidden->empty()) {
        err += "powerconsul: no instance of " + quoted(place->service) +
               " is registered in this datacenter; is it the name that you meant?\n";
    }
    return exit_code::done;
}

auto run_resume(const invocation&, const config::arguments& line, const configuration& chosen, std::string& out,
                std::string&) -> result<exit_code> {
    const auto place = place_of(line, chosen);
    if (!place) return unexpected{place.error()};
    auto here = make_host(chosen);
    if (!here) return unexpected{std::move(here).error()};
    const milliseconds now = here->clock.wall();
    const auto before = change(*place, chosen, *here, {});
    if (!before) return unexpected{before.error()};
    if (*before) {
        out += place->subject + ' ' + place->verb + " no longer paused; before, it was " + before_text(**before, now) +
               '\n';
    } else {
        out += "there is no pause of " + place->subject + '\n';
    }
    // What else holds should surprise nobody.
    const auto still = [&](const std::string& reason) {
        if (!reason.empty()) out += "still held: " + reason + '\n';
    };
    if (place->service == all_services) {
        for (const auto& reason : single_pauses(*place, chosen, *here, now)) still(reason);
    } else if (!place->here) {
        consul_client<any_transport&, posix_clock&> consul{here->consul, here->clock,
                                                           here->clock.monotonic() + seconds(2)};
        if (const auto held = pause_hold(consul, chosen.roles.who, place->service, now)) still(*held);
    }
    still(local_hold(here->files, chosen.watch.stop_file, chosen.state_dir, place->service, now));
    return exit_code::done;
}

}  // namespace powerconsul::cli
