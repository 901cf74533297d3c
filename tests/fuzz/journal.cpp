// covers: heal/journal.hpp heal/journal_json.hpp heal/incident.hpp heal/rules.hpp ports/trust.hpp json/members.hpp
#include <powerconsul/heal/journal.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

constexpr std::string_view path = "/state/journal/web.json";
constexpr standing standings[] = {standing::in_state,       standing::passing,         standing::elsewhere,
                                  standing::silent_passing, standing::silent_in_state, standing::unproven,
                                  standing::in_state,       standing::silent_elsewhere};
constexpr healing endings[] = {healing::ended, healing::failed_to_run, healing::timed_out};
constexpr own_look looks[] = {own_look::none, own_look::as_expected, own_look::not_as_expected};
const std::string key = "triggers/production/web/primary/critical";

/// One service through some rounds of its watch; the last one is written down as the handler writes it.
class history {
public:
    explicit history(std::string_view texts) : texts_{texts} { files.user_id = 0; }

    void round(fuzz::choices& pick, bool is_last) {
        last_ = is_last;
        now = now + seconds(std::int64_t{1} << pick.of(12));
        facts = facts_of(pick);
        const auto state = pick.of(8) == 7 ? bad_state::warning : bad_state::critical;
        auto seen = observe(current, state, facts, now, {});
        current = std::move(seen.after);
        save();
        const incident* const one = open_incident(current, state);
        fuzz::expect(seen.bad <= (one != nullptr), "bad without an incident");
        if (!seen.bad || one == nullptr || !leaves_room(*one, pick)) return;
        const std::string id = one->id;
        const permission given = permit(find_ledger(current, key), now, {});
        if (pick.of(5) == 4 || given != permission::granted) {
            current = attempt_held(std::move(current), id, "why: " + text(), now);
            return save();
        }
        attempt intent{.began = now, .may_run = seconds(70), .settle = seconds(pick.of(60))};
        intent.process = {1000 + pick.of(9), 7, "boot"};
        current = attempt_began(std::move(current), id, {key, pick.of(3), {}}, intent);
        fuzz::expect(find_ledger(current, key)->attempts <= 5, "a sixth attempt");
        save();
        if (pick.of(5) == 4) return;  // whoever ran it is dead
        intent.key = key;
        intent.ended = now + seconds(pick.of(60));
        intent.result = endings[pick.of(3)];
        intent.status = static_cast<int>(pick.of(256)) - 1;
        intent.output = text();
        current = attempt_ended(std::move(current), intent);
        save();
        if (pick.of(16) == 15) static_cast<void>(rearm(current));
    }

    [[nodiscard]] static auto facts_of(fuzz::choices& pick) -> std::vector<check_facts> {
        std::vector<check_facts> all;
        for (std::size_t i = 0; i < 3; ++i) {
            const unsigned how = pick.of(16);
            if (how == 15) continue;
            all.push_back({.node = "node",
                           .service_id = "web",
                           .check_id = "check" + std::to_string(i),
                           .now = standings[how % 8],
                           .face = how,
                           .modify_index = how + 2,
                           .from_snapshot = how % 4 == 3});
        }
        return all;
    }

    testing::memory_files files{};
    journal current{.service = "web"};
    milliseconds now{seconds(1'700'000'000)};
    std::vector<check_facts> facts{};
    std::string before{};  ///< the file as it was before the last change of it

private:
    [[nodiscard]] auto leaves_room(const incident& one, fuzz::choices& pick) -> bool {
        attempt* const last = last_attempt(current);
        if (last == nullptr || is_past(*last, one, now)) return true;
        if (last->ended.count == 0) last->ended = now;
        const own_look seen = looks[pick.of(3)];
        if (last->settled.count == 0) {
            const healing found = judge_attempt(*last, one, seen, now);
            fuzz::expect(found != healing::unfinished && found != healing::timed_out, "no judgement");
            if (found == healing::ended) return false;
            settle_attempt(*last, found, now);
        }
        return has_failed_again(*last, one, seen, pick.yes(), now, {});
    }

    void save() {
        if (!last_) return;
        const auto text_before = files.get(std::string{path});
        journal_directory<testing::memory_files> journals{files, "/state"};
        const auto saved = journals.save(current);
        fuzz::expect(saved.has_value(), "it cannot be saved", saved ? "" : saved.error().message);
        auto loaded = journals.load("web");
        fuzz::expect(loaded && loaded->note.empty(), "what was saved is damaged", *files.get(std::string{path}));
        fuzz::expect(files.get(std::string{path})->size() == journal_size, "another size");
        for (const auto& each : current.incidents) {
            const bool there = find_incident(loaded->value, each.id) != nullptr;
            fuzz::expect(there || !each.is_open(), "an open incident is lost", each.id);
        }
        fuzz::expect(loaded->value.ledgers == current.ledgers, "a ledger is lost");
        current = loaded->value;
        if (text_before && *text_before != *files.get(std::string{path})) before = *text_before;
    }

    [[nodiscard]] auto text() -> std::string { return std::string{texts_.next()}; }

    fuzz::parts texts_;
    bool last_{};
};

/// What a disk, a crash or an editor may do to the bytes.
[[nodiscard]] auto damaged(std::string bytes, const std::string& before, fuzz::choices& pick) -> std::string {
    const auto place = [&] {
        const std::size_t at = pick.of(256) * std::size_t{256} + pick.of(256);
        return bytes.empty() ? 0 : at % bytes.size();
    };
    do {
        switch (pick.of(7)) {
            case 0: bytes.resize(place()); break;
            case 1:
                if (!bytes.empty()) bytes[place()] = static_cast<char>(pick.of(256));
                break;
            case 2:
                if (!bytes.empty()) {
                    const std::size_t at = place();
                    bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick.of(8)));
                }
                break;
            case 3: bytes.insert(place(), 1, static_cast<char>(pick.of(256))); break;
            case 4: {
                const std::size_t at = place();
                bytes.replace(at, std::min<std::size_t>(512, bytes.size() - at), 512, '\0');
                break;
            }
            case 5: {  // its beginning is the new one, the rest is still the old one
                const std::size_t at = place();
                bytes = bytes.substr(0, at) + (at < before.size() ? before.substr(at) : "");
                break;
            }
            default: {
                const std::size_t from = place();
                bytes.erase(from, 1 + place() % 64);
            }
        }
    } while (pick.of(4) == 3);
    return bytes;
}

void damage(history& past, std::string_view how) {
    fuzz::choices pick{how};
    const std::string sound = past.files.get(std::string{path}).value_or("");
    if (sound.empty()) return;
    const std::string bytes = damaged(sound, past.before, pick);
    past.files.put(std::string{path}, bytes);
    journal_directory<testing::memory_files> journals{past.files, "/state"};
    const auto loaded = journals.load("web");
    fuzz::expect(loaded.has_value(), "damage is no reason not to start anew", bytes);
    if (loaded->note.empty()) {
        // The blanks that keep the file's size say nothing.
        const auto told = [](std::string_view text) { return text.substr(0, text.find_last_not_of(" \n") + 1); };
        fuzz::expect(told(bytes) == told(sound) || told(bytes) == told(past.before), "neither old nor new", bytes,
                     sound);
        return;
    }
    fuzz::expect(loaded->value == journal{.service = "web"} && !loaded->note.empty(), "damaged, and not empty", bytes);
    fuzz::expect(past.files.get(std::string{path} + ".damaged") == bytes, "the bytes are lost", loaded->note);
}

/// A journal's text as somebody might have written it: it must be refused, or be what would be written. One of the
/// first form is read, and is one of today from then on.
void read(std::string_view text) {
    const auto decoded = json::decode_journal(text);
    if (!decoded) {
        return fuzz::expect(decoded.error().code == errc::bad_data && !decoded.error().message.empty(), "no reason",
                            text);
    }
    const std::string written = json::encode_journal(*decoded);
    const bool first_form = text.find("\"journal\":2") == std::string_view::npos;
    fuzz::expect(first_form || written.starts_with(text.substr(0, text.find_last_not_of(" \n") + 1)), "half read",
                 text);
    const auto again = json::decode_journal(written);
    fuzz::expect(again && *again == *decoded, "it cannot be read again", text, written);
    for (const auto state : {bad_state::critical, bad_state::warning}) {
        auto made = observe(*decoded, state, {}, seconds(1'700'000'000), {});
        fuzz::expect(!made.bad && made.opened.empty(), "an incident of checks that nobody lists", text);
        fuzz::expect(open_incident(made.after, state) == nullptr, "what is gone stays open", text);
        fuzz::expect(json::encode_journal(bounded_journal(made.after)).size() <= journal_size, "too large", text);
    }
}

/// The same with the sum of what is there, or nothing if no sum makes a journal of it.
[[nodiscard]] auto sealed(std::string_view text) -> std::string {
    constexpr std::string_view mark = ",\"sum\":\"";
    const std::string_view body = text.substr(0, std::min(text.rfind(mark), text.rfind('}')));
    if (body.size() == text.size()) return {};
    return std::string{body} + std::string{mark} + ascii::hexadecimal(fnv1a(body)) + "\"}";
}

/// What happens; texts, which triggers print; the damage; and another journal.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices rounds{script.next()};
    const std::string_view how = script.next();
    if (how.empty()) return read(script.rest()), read(sealed(script.rest()));
    history past{script.rest()};
    for (int left = 8; rounds.more() && left > 0; --left) {
        const bool last = left == 1;
        past.round(rounds, last);
        if (!last && !rounds.more()) past.round(rounds, true);
    }
    damage(past, how);
}

const fuzz::enlisted here{"journal", run};

}  // namespace
