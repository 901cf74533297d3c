#pragma once

#include <powerconsul/doctor/agent.hpp>

/// The checks of an agent that call powerconsul.
namespace powerconsul::inline v0 {

/// The front end, which parses command lines of powerconsul. `find_words` gives the command's words even of a line that
/// `parse` refuses; `configure` also takes the variables set before the program's name (found_call); `validate` says
/// whether a check with such options could be carried out.
template <typename T>
concept command_reader = requires(T& front, const found_call& call, const config::arguments& line) {
    { front.find_words(call.args) } -> std::same_as<config::command_words>;
    { front.parse(call.args) } -> std::same_as<result<config::arguments>>;
    { front.configure(line, call) } -> std::same_as<result<config::configuration>>;
    { front.validate(line) } -> std::same_as<result<void>>;
};

/// A check of the agent that calls powerconsul, and what that call means.
struct examined_check {
    std::string id{};
    std::string cause{};                            ///< why it cannot work; empty if it can
    std::string remedy{"correct its args"};         ///< against that cause
    milliseconds own_timeout{};                     ///< the limit that powerconsul sets itself
    milliseconds interval{};                        ///< from one run to the next; 0 if it is not known
    milliseconds timeout{};                         ///< after which Consul ends it
    std::uint64_t output_size{most_output};         ///< bytes of its output that Consul keeps
    std::string initial{};                          ///< its status until it has run, critical if empty
    std::string registered{};                       ///< the service that it is a check of
    config::arguments line{};                       ///< without options if it could not be parsed
    std::optional<config::configuration> chosen{};  ///< the call's configuration; nothing if it could not be made

    [[nodiscard]] auto service() const -> std::string { return line.value("consulservice").value_or(""); }
};

/// Examines one check of the agent; nothing if it does not call `powerconsul check`.
template <local_machine Machine, command_reader Front>
[[nodiscard]] auto examine_check(Machine& machine, Front& front, const configured_check& from)
    -> std::optional<examined_check> {
    const auto call = find_call(machine, from.words);
    if (!call) return std::nullopt;
    examined_check next{.id = from.id,
                        .cause = call->cause,
                        .interval = from.interval,
                        .timeout = from.timeout,
                        .output_size = from.output_size,
                        .initial = from.initial,
                        .registered = from.service};
    if (!call->cause.empty()) return next;
    auto line = front.parse(call->args);
    if ((line ? line->words : front.find_words(call->args)).command != "check") return std::nullopt;
    if (!line) {
        next.cause = line.error().message;
        return next;
    }
    next.line = std::move(*line);
    auto chosen = front.configure(next.line, *call);
    if (!chosen) {
        next.cause = chosen.error().message;
        return next;
    }
    next.own_timeout = chosen->timeout;
    if (const auto valid = front.validate(next.line); !valid) next.cause = valid.error().message;
    if (next.service().empty()) next.cause = "the option -S/--consulservice is missing";
    next.chosen = std::move(*chosen);
    return next;
}

}  // namespace powerconsul::inline v0
