//! The page of a tree in a real browser: it loads, a click shows details, and it asks nothing of a
//! network.
//!
//! Ignored without a browser; `.ci/run` runs it. `CHROMIUM` names the program, `chromium` otherwise.
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tungstenite::{Message, WebSocket};
use zktree::tree::render::{Entry, Picture, Trained};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}\"'&";

/// A root, two children, and a grandchild with a title that wants to be a script.
fn picture() -> Picture {
    let entry = |n: u8, above: Option<usize>, title: &str| Entry {
        id: hex::encode([n; 32]),
        short: hex::encode([n; 6]),
        above,
        parent: above.map(|above| hex::encode([above as u8; 32])),
        layers: vec![11, 64, 64, 1],
        network: "11,64,64,1".into(),
        verified: above.map(|_| n != 2),
        seed: above.is_none().then_some(9),
        imported: None,
        trained: above.map(|_| Trained {
            title: Some(title.to_owned()),
            licence: Some(title.to_owned()),
            note: Some(format!("{title}\nline two")),
            loss: Some(0.6),
            author: hex::encode([n * 80; 32]),
            dataset: hex::encode([7 * n; 32]),
            rows: 466,
            steps: 96,
            batch: 32,
            learning_rate: 0.03,
            optimizer: "sgd".to_owned(),
            hiding: true,
            weights: hex::encode([8; 32]),
            edge_bytes: 99_000,
        }),
    };
    Picture {
        curve: "Pallas",
        nodes: vec![
            entry(0, None, ""),
            entry(1, Some(0), "first"),
            entry(3, Some(1), HOSTILE),
            entry(2, Some(0), "second"),
        ],
    }
}

/// A browser that is ended, and whose files are removed, when dropped.
struct Browser {
    process: Child,
    dir: PathBuf,
    socket: WebSocket<TcpStream>,
    session: Value,
    next: u64,
    /// Everything the page was heard to do.
    events: Vec<Value>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Browser {
    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("zktree-browser-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or("chromium".into());
        let mut process = Command::new(&program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
            ])
            .args(["--no-first-run", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--window-size=1200,900",
            ])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", dir.display()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("DevTools listening on ")
                .map(str::to_owned)
        });
        let address = address.expect("the browser says where it listens");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address
            .trim_start_matches("ws://")
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let (socket, _) = tungstenite::client(&address, stream).unwrap();
        let mut browser = Self {
            process,
            dir,
            socket,
            session: Value::Null,
            next: 0,
            events: vec![],
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", attach)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a command; returns its result. Events that come before it are kept.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut command = json!({"id": self.next, "method": method, "params": params});
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        self.socket
            .send(Message::text(command.to_string()))
            .unwrap();
        loop {
            let message = self.receive();
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    fn open(&mut self, address: &str) {
        // Away from the last page: only the fragment might differ.
        for address in ["about:blank", address] {
            self.events
                .retain(|event| event["method"] != "Page.loadEventFired");
            self.call("Page.navigate", json!({"url": address}));
            while !self
                .events
                .iter()
                .any(|event| event["method"] == "Page.loadEventFired")
            {
                let event = self.receive();
                self.events.push(event);
            }
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// A click of the mouse in the middle of an element.
    fn click(&mut self, selector: &str) {
        let middle = self.value(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView(); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    fn key(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": key, "code": key}),
            );
        }
    }

    fn details(&mut self) -> String {
        let text = self.value("document.getElementById('details').innerText");
        text.as_str().unwrap().to_owned()
    }

    /// Errors and requests since the start, other than for the page itself.
    fn complaints(&self) -> Vec<&Value> {
        let bad = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled" => true,
            "Page.javascriptDialogOpening" => true,
            "Network.requestWillBeSent" => {
                let address = event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default();
                !address.starts_with("file:")
                    && !address.starts_with("data:")
                    && !address.starts_with("about:")
            }
            _ => false,
        };
        self.events.iter().filter(bad).collect()
    }
}

#[test]
#[ignore = "needs Chromium; .ci/run runs it"]
fn the_page_works_in_a_browser() {
    let mut browser = Browser::start();
    let file = browser.dir.join("tree.html");
    std::fs::write(&file, picture().html()).unwrap();
    let address = format!("file://{}", file.display());
    browser.open(&address);
    assert_eq!(
        browser.value("document.querySelectorAll('[data-node]').length"),
        4
    );
    assert!(browser.details().contains("Choose a model"));

    browser.click("[data-node='1']");
    let details = browser.details();
    for text in [
        "first",
        &hex::encode([1; 32]),
        "96 steps of 32 rows",
        "466 rows",
        "Verified where",
    ] {
        assert!(details.contains(text), "{text} in {details}");
    }
    assert_eq!(
        browser
            .value("[...document.querySelectorAll('g.above')].map((g) => g.dataset.node).join()"),
        "0,1"
    );
    assert_eq!(
        browser
            .value("[...document.querySelectorAll('g.below')].map((g) => g.dataset.node).join()"),
        "2"
    );

    // The keyboard: down to the child with the hostile title, which stays text.
    browser.key("Enter");
    browser.value("document.querySelector(\"[data-node='1']\").focus()");
    browser.key("ArrowDown");
    let details = browser.details();
    assert!(
        details.contains("</script><img src=x onerror=alert(1)>"),
        "{details}"
    );
    assert!(
        details.contains("\\u{202e}") && !details.contains('\u{202e}'),
        "{details}"
    );
    assert!(details.contains("line two"));
    assert_eq!(browser.value("document.images.length"), 0);
    assert_eq!(browser.value("document.scripts.length"), 2);
    browser.key("ArrowUp");
    browser.key("ArrowRight");
    assert!(browser.details().contains("Not verified"));
    browser.key("Escape");
    assert!(browser.details().contains("Choose a model"));

    // The lineage in the details leads back; an address with an id opens that node.
    browser.open(&format!("{address}#{}", hex::encode([3; 32])));
    assert!(browser.details().contains("line two"));
    browser.click(".way button");
    assert!(browser.details().contains("public seed 9"));
    browser.click("[data-author]");
    assert_eq!(
        browser.value("document.querySelectorAll('g.above').length"),
        1
    );
    let scale = "document.querySelector('#canvas > svg').getBoundingClientRect().width";
    let before = browser.value(scale).as_f64().unwrap();
    browser.click("#larger");
    assert!(browser.value(scale).as_f64().unwrap() > before * 1.2);

    // The policy holds: what the page did not bring along does not run.
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
    browser.value("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))");
    assert_eq!(browser.value("typeof window.ran"), "undefined");
    browser.value("fetch('http://127.0.0.1:9/').catch(() => {})");
    std::thread::sleep(Duration::from_millis(200));
    let _ = browser.value("1");
    let refusals = browser.complaints();
    assert!(
        refusals
            .iter()
            .any(|event| event.to_string().contains("Content Security Policy"))
    );
}
