module example.net/gotls

go 1.26
