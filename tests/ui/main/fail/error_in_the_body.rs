use lifecycle::App;

#[derive(App)]
struct Agent {}

#[lifecycle::main]
async fn main(app: Agent) {
    app.database.close();
}
