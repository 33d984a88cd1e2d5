// SPDX-License-Identifier: BSL-1.0
#include "support/real_request.hpp"
#include "support/store_folder.hpp"
#include "support/table_conformance.hpp"

#include <sqlite3.h>
#include <tidings/bus.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>
#include <tidings/store/sqlite/table.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/webhook/sender.hpp>

#include <fstream>
#include <iterator>

namespace tidings::test {

namespace {

using cipher_pointer = std::shared_ptr<const sqlite::secret_cipher>;

const std::string first_key = sqlite::secret_cipher::make_key();
const std::string second_key = sqlite::secret_cipher::make_key();

cipher_pointer cipher_of(std::vector<std::string> keys) {
    return std::make_shared<const sqlite::secret_cipher>(std::move(keys));
}

std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Where in a file, its log or a backup some bytes stand; empty: nowhere.
std::string where(const std::string& path, std::string_view secret) {
    std::string found;
    for (const std::string& name : {path, path + "-wal", path + ".copy"})
        if (bytes_of(name).find(secret) != std::string::npos) found += name + ' ';
    return found;
}

/// A database whose tables are written and read one operation at a time.
struct sealed_file {
    sealed_file(const temporary_folder& folder, cipher_pointer with)
        : path(folder.file("store.db")) {
        auto o = store_options(path);
        o.log = [this](const log_record& r) { logged.push_back(std::string(r.message)); };
        o.cipher = std::move(with);
        db.emplace(io.get_executor(), std::move(o), error);
        if (!error) rows = sqlite::make_table(*db, "hooks");
    }
    void put(const std::string& key, const std::string& value, std::uint64_t expected = 0) {
        const auto [ec, revision] = bed.wait_for<std::uint64_t>(
            [&](auto h) { rows->async_put(key, value, expected, std::move(h)); });
        CHECK_FALSE(ec);
    }
    /// The value, or the error.
    std::string get(const std::string& key) {
        const auto [ec, row] =
            bed.wait_for<store::row>([&](auto h) { rows->async_get(key, std::move(h)); });
        return ec ? ec.message() : std::get<0>(row).value;
    }
    /// The keys of the first rows, or the error.
    std::string scan(std::size_t max = 100) {
        const auto [ec, page] = bed.wait_for<std::vector<store::row>>(
            [&](auto h) { rows->async_scan("", max, std::move(h)); });
        if (ec) return ec.message();
        std::string keys;
        for (const auto& row : std::get<0>(page)) keys += row.key;
        return keys;
    }
    void back_up() {
        CHECK_FALSE(wait_for([&](auto h) { db->async_backup(path + ".copy", std::move(h)); }));
    }

    const std::string path;
    std::vector<std::string> logged;
    store_bed bed;
    net::io_context io;
    error_code error;
    std::optional<sqlite::database> db;
    std::shared_ptr<store::table> rows;
};

void execute(const std::string& path, const char* sql) {
    ::sqlite3* db = nullptr;
    REQUIRE(::sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    CHECK(::sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    ::sqlite3_close(db);
}

/// In pages that nothing uses, more of them than what is sealed needs anew.
void leave_remains(const std::string& path) {
    execute(path,
            "PRAGMA secure_delete=0; CREATE TABLE t (v); "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
            "INSERT INTO t SELECT 'in-plain-text' || hex(zeroblob(500)) FROM n; "
            "DROP TABLE t");
}

const auto damaged = make_error_code(errc::store_damaged).message();

TEST_CASE("the table in a file that is sealed is a table", "[sqlite][threads][table]") {
    struct whole_table {
        temporary_folder folder;
        sealed_file file{folder, cipher_of({first_key})};
    };
    table_conformance({"sealed", [] {
                           const auto made = std::make_shared<whole_table>();
                           return std::shared_ptr<store::table>(made, made->file.rows.get());
                       }});
}

TEST_CASE("no byte of a sealed value stands in the file, its log or a backup", "[sqlite]") {
    const temporary_folder folder;
    const bool is_sealed = GENERATE(true, false);
    sealed_file f(folder, is_sealed ? cipher_of({first_key}) : nullptr);
    f.put("a", "whsec_in-plain-text");
    f.back_up();
    CHECK(where(f.path, "in-plain-text").empty() == is_sealed);
    f.db->close();
    CHECK(where(f.path, "in-plain-text").empty() == is_sealed);
}

TEST_CASE("a hook's secret and URL are sealed, and the hook is there after a restart", "[sqlite]") {
    const temporary_folder folder;
    const std::string secret = "whsec_" + std::string(32, 'Q');
    for (int run = 0; run < 2; ++run) {
        sealed_file f(folder, cipher_of({first_key}));
        sink_server target(f.io);
        bus hub(f.io);
        webhook::sender sender(f.io, {.outbox = sqlite::make_outbox(*f.db),
                                      .guard = {.allow_loopback = true, .schemes = {"http"}}});
        http::server server(f.io, {});
        server.mount("/hooks", rest_hook::manager{hub, sender, {.table = f.rows}});
        server.start();
        const auto url =
            "http://127.0.0.1:" + std::to_string(server.local_endpoint().port) + "/hooks";
        // Once the hooks are loaded.
        const auto asked = [&](const http::request& r) {
            for (int i = 0; i < 1000; ++i)
                if (auto answer = request_over_sockets(f.io, url, r); answer.status != 503)
                    return answer;
            return http::response{.status = 503};
        };
        if (run == 0) {
            const auto made =
                asked({.method = "POST",
                       .fields = {{"Content-Type", "application/json"}},
                       .body = R"({"event":"a","target_url":")" + target.url("/hook") +
                               R"(?token=in-plain-text","secret":")" + secret + "\"}"});
            INFO(made.body);
            CHECK(made.status == 201);
            std::optional<error_code> published;
            hub.async_publish(
                "a", event("t", "/s", "x"),
                net::bind_executor(f.io, [&](error_code ec, const receipt&) { published = ec; }));
            REQUIRE(run_io_until(f.io, [&] { return published && !target.requests.empty(); }));
        } else {
            const auto listed = asked({.method = "GET"});
            CHECK(listed.body.find("in-plain-text") != listed.body.npos);
        }
        CHECK_FALSE(drain(*f.db));
        if (run == 0) f.back_up();
        CHECK(where(f.path, secret.substr(6)).empty());
        CHECK(where(f.path, "in-plain-text").empty());
    }
}

TEST_CASE("a file is not opened without the keys that sealed it, and nothing is lost", "[sqlite]") {
    const temporary_folder folder;
    {
        sealed_file f(folder, cipher_of({first_key}));
        f.put("a", "value");
    }
    const auto before = bytes_of(folder.file("store.db"));
    CHECK(sealed_file(folder, nullptr).error == errc::store_sealed);
    CHECK(sealed_file(folder, cipher_of({second_key})).error == errc::store_sealed);
    CHECK(bytes_of(folder.file("store.db")) == before);
    sealed_file f(folder, cipher_of({first_key}));
    CHECK(f.get("a") == "value");
}

TEST_CASE("when keys are rotated everything is sealed by the first at the next opening",
          "[sqlite]") {
    const temporary_folder folder;
    constexpr int many = 600;
    const auto value_of = [](int n) {
        return "value-" + std::to_string(n) + std::string(100, 'v');
    };
    {
        sealed_file f(folder, cipher_of({first_key}));
        for (int n = 0; n < many; ++n) f.put(std::to_string(n), value_of(n));
    }
    {
        sealed_file f(folder, cipher_of({second_key, first_key}));
        REQUIRE_FALSE(f.error);
        CHECK(f.get("0") == value_of(0));
    }
    CHECK(sealed_file(folder, cipher_of({first_key})).error == errc::store_sealed);
    sealed_file f(folder, cipher_of({second_key}));
    REQUIRE_FALSE(f.error);
    for (int n = 0; n < many; ++n) CHECK(f.get(std::to_string(n)) == value_of(n));
}

TEST_CASE("what was plain text is sealed, and nothing of it remains", "[sqlite]") {
    const temporary_folder folder;
    {
        sealed_file f(folder, nullptr);
        for (int n = 0; n < 600; ++n)
            f.put(std::to_string(n),
                  "in-plain-text" + std::string(static_cast<std::size_t>(n), 'v'));
        f.put("", "in-plain-text");
    }
    const auto path = folder.file("store.db");
    CHECK_FALSE(where(path, "in-plain-text").empty());
    leave_remains(path);
    // As if the process had ended when all was sealed, and before the file was written anew.
    const bool was_cut = GENERATE(false, true);
    {
        sealed_file f(folder, cipher_of({first_key}));
        CHECK(f.get("599") == "in-plain-text" + std::string(599, 'v'));
        CHECK(f.get("") == "in-plain-text");
        f.back_up();
        CHECK(where(f.path, "in-plain-text").empty());
    }
    if (!was_cut) return;
    leave_remains(path);
    execute(path, "UPDATE sealing SET remains = 1");
    CHECK_FALSE(where(path, "in-plain-text").empty());
    sealed_file f(folder, cipher_of({first_key}));
    CHECK(where(path, "in-plain-text").empty());
}

TEST_CASE("a sealed value that was changed or put elsewhere is an error of its own", "[sqlite]") {
    const temporary_folder folder;
    {
        sealed_file f(folder, cipher_of({first_key}));
        for (const char* key : {"a", "b", "c"}) f.put(key, "value");
    }
    execute(folder.file("store.db"),
            "UPDATE rows SET value = (SELECT value FROM rows WHERE key = x'62') WHERE key = x'61'");
    sealed_file f(folder, cipher_of({second_key, first_key}));
    CHECK(f.get("a") == damaged);
    CHECK(f.get("b") == "value");
    f.put("a", "new", 1);
    CHECK(f.get("a") == "new");
    CHECK_FALSE(f.db->status());
}

TEST_CASE("a scan leaves out what cannot be opened, logs it, and fills its page", "[sqlite]") {
    const temporary_folder folder;
    sealed_file f(folder, cipher_of({first_key}));
    for (const char* key : {"a", "b", "c", "d", "e"}) f.put(key, "value");
    const char* const damage = GENERATE("UPDATE rows SET value = x'00' WHERE key IN (x'61', x'63')",
                                        "UPDATE rows SET value = CAST('plain' AS BLOB), "
                                        "seal = NULL WHERE key IN (x'61', x'63')");
    execute(f.path, damage);
    CHECK(f.scan() == "bde");
    CHECK(f.logged.size() == 2);
    CHECK(f.scan(1) == "b");
    CHECK(f.scan(2) == "bd");
    CHECK(f.get("a") == damaged);
    CHECK_FALSE(f.db->status());
}

TEST_CASE("a value that is damaged asks for no old key when keys are rotated", "[sqlite]") {
    const temporary_folder folder;
    {
        sealed_file f(folder, cipher_of({first_key}));
        for (const char* key : {"a", "b"}) f.put(key, "value");
    }
    execute(folder.file("store.db"), "UPDATE rows SET value = x'00' WHERE key = x'61'");
    REQUIRE_FALSE(sealed_file(folder, cipher_of({second_key, first_key})).error);
    sealed_file f(folder, cipher_of({second_key}));
    REQUIRE_FALSE(f.error);
    CHECK(f.get("a") == damaged);
    CHECK(f.get("b") == "value");
}

TEST_CASE("what was plain text is sealed anew while another program reads the log", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    {
        sealed_file f(folder, nullptr);
        f.put("a", "in-plain-text");
    }
    ::sqlite3* theirs = nullptr;
    REQUIRE(::sqlite3_open(path.c_str(), &theirs) == SQLITE_OK);
    REQUIRE(::sqlite3_exec(theirs, "BEGIN; SELECT * FROM rows", nullptr, nullptr, nullptr) ==
            SQLITE_OK);
    {
        sealed_file f(folder, cipher_of({first_key}));
        CHECK_FALSE(f.error);
        CHECK_FALSE(f.logged.empty());
    }
    CHECK_FALSE(where(path, "in-plain-text").empty());
    ::sqlite3_close(theirs);
    sealed_file f(folder, cipher_of({first_key}));
    CHECK(f.logged.empty());
    CHECK(where(path, "in-plain-text").empty());
}

TEST_CASE("keys come from a file, one a line", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("keys");
    const auto read = [&](const std::string& text) {
        std::ofstream(path) << text;
        return sqlite::secret_cipher::from_file(path);
    };
    const auto cipher = read("# new\n" + second_key + "\r\n\n" + first_key);
    CHECK(cipher->sealing_key() == cipher_of({second_key})->sealing_key());
    CHECK(cipher->has(cipher_of({first_key})->sealing_key()));
    CHECK_THROWS_AS(read(""), std::invalid_argument);
    CHECK_THROWS_AS(read("short"), std::invalid_argument);
    CHECK_THROWS_AS(read(first_key.substr(4)), std::invalid_argument);
    CHECK_THROWS_AS(sqlite::secret_cipher::from_file(folder.file("none")),
                    boost::system::system_error);
}

}  // namespace

}  // namespace tidings::test
